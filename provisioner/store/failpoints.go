package store

// Failpoints of this package, in the order in which a pull, a launch and a sweep reach them.
const (
	PointBlobPart   = "store/blob-part"   // some bytes of a blob are on disk
	PointBlob       = "store/blob"        // a blob is complete and synced, but not renamed
	PointBlobNamed  = "store/blob-named"  // a blob is renamed, the directory is not synced
	PointLayerPart  = "store/layer-part"  // a layer's directory exists and is empty
	PointOnParents  = "store/upon"        // a layer is unpacked on the mount of its parents, which is still mounted
	PointLayer      = "store/layer"       // a layer is unpacked and synced, but not renamed
	PointLayerNamed = "store/layer-named" // a layer is renamed, the directory is not synced
	PointRef        = "store/ref"         // before the reference is written, which is the last step
	PointRefNamed   = "store/ref-named"   // the reference is written
	PointLease      = "store/lease"       // before a lease is made
	PointLeased     = "store/leased"      // after a lease is made
	PointUntag      = "store/untag"       // before a reference is removed
	PointSweep      = "store/sweep"       // before an object is moved to the trash
	PointTrash      = "store/trash"       // before the trash is emptied
)

// Failpoints lists every point of this package.
func Failpoints() []string {
	return []string{
		PointBlobPart, PointBlob, PointBlobNamed, PointLayerPart, PointOnParents, PointLayer, PointLayerNamed,
		PointRef, PointRefNamed, PointLease, PointLeased, PointUntag, PointSweep, PointTrash,
	}
}
