package api

// An Acknowledgement says that the client has written down these ends of GET_ENDS: they
// are not told again.
type Acknowledgement struct {
	Keys []string `json:"keys"`
}
