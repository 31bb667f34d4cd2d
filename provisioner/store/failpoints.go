package store

// Failpoints of this package, in the order a pull, a launch and a sweep pass them.
const (
	PointBlobPart   = "store/blob-part"   // some bytes of a blob are on disk
	PointBlob       = "store/blob"        // a blob is whole and synced, not yet named
	PointBlobNamed  = "store/blob-named"  // it has its name, the directory is not synced
	PointLayerPart  = "store/layer-part"  // a layer's directory is there, empty
	PointOnParents  = "store/upon"        // a layer lies upon its parents' mount, which is still there
	PointLayer      = "store/layer"       // a layer is unpacked and synced, not yet named
	PointLayerNamed = "store/layer-named" // it has its name, the directory is not synced
	PointRef        = "store/ref"         // all is there but the reference
	PointRefNamed   = "store/ref-named"   // the reference is there
	PointLease      = "store/lease"       // just before the lease
	PointLeased     = "store/leased"      // just after it
	PointUntag      = "store/untag"       // a reference is about to be removed
	PointSweep      = "store/sweep"       // an object is about to go to the trash
	PointTrash      = "store/trash"       // the trash is about to be emptied
)

// Failpoints lists every point of this package.
func Failpoints() []string {
	return []string{
		PointBlobPart, PointBlob, PointBlobNamed, PointLayerPart, PointOnParents, PointLayer, PointLayerNamed,
		PointRef, PointRefNamed, PointLease, PointLeased, PointUntag, PointSweep, PointTrash,
	}
}
