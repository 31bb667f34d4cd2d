package mctr

// The sources of a secret, in a Volume of type secret and in a SecretVariable.
const (
	// SecretFile is the prefix of the absolute path of a file of the host, which is read at each start.
	SecretFile = "file:"
	// SecretGiven is the source of a secret whose value the caller gave. The record of a container
	// has this source instead of the value.
	SecretGiven = "value"
)

// MaxSecret is the largest size of a secret, in bytes.
const MaxSecret = 512 << 10

// A SecretValue is the value of a secret, of 1 to MaxSecret bytes; base64 in JSON. It is part of a
// config only on the way to a containerizer, and is never recorded. Package fmt prints it without its content.
type SecretValue []byte

// String returns a text without the value.
func (v SecretValue) String() string { return "a secret" }

// GoString returns a text without the value, for %#v.
func (v SecretValue) GoString() string { return v.String() }

// A SecretVariable is a variable of the environment whose value is a secret.
type SecretVariable struct {
	Name   string      `json:"name"`
	Source string      `json:"source,omitempty"` // file:/PATH; "": Value
	Value  SecretValue `json:"value,omitempty"`
}
