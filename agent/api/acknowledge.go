package api

// An Acknowledgement names ends of GET_ENDS that the client has recorded: they are not
// listed again.
type Acknowledgement struct {
	Keys []string `json:"keys"`
}
