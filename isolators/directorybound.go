package isolators

// A DirectoryBound isolator was made for one pair of directories, ROOT and STATE. A containerizer
// of others refuses it.
type DirectoryBound interface {
	Directories() (root, state string)
}
