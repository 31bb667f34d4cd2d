package mctr

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Duration is a time.Duration that is a string in JSON, as time.ParseDuration reads it:
// "1m30s".
type Duration time.Duration

// String returns the string of the time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the string.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the string. The error wraps ErrInvalid.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%w: duration %.100q: want a number with a unit, such as 90s or 1m30s", ErrInvalid, text)
	}
	*d = Duration(parsed)
	return nil
}

// UnmarshalJSON reads a string of JSON. A number is refused: its unit would be a guess.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%w: duration %.100s: want a string with a unit, such as \"90s\"", ErrInvalid, data)
	}
	return d.UnmarshalText([]byte(text))
}
