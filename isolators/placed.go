package isolators

// A Placed isolator was made for one pair of directories, ROOT and STATE. A containerizer
// of others refuses it.
type Placed interface {
	Directories() (root, state string)
}
