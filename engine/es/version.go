package es

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of the program, "0.3", as far as it matters for what is
// written and read: its third number changes nothing of that. The zero Version is
// before all others. The version of a message type is another thing; it stands in the
// type's name.
type Version struct{ Major, Minor int }

// ParseVersion reads "0.3" or "0.3.1".
func ParseVersion(s string) (v Version, err error) {
	parts := strings.Split(s, ".")
	if len(parts) == 2 || len(parts) == 3 {
		if v.Major, err = strconv.Atoi(parts[0]); err == nil {
			v.Minor, err = strconv.Atoi(parts[1])
		}
		if err == nil && v.Major >= 0 && v.Minor >= 0 {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("%q is not a version such as 0.3", s)
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Before says whether v is older than other.
func (v Version) Before(other Version) bool {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor)) < 0
}

// MarshalText implements encoding.TextMarshaler.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Version) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVersion(string(text))
	return err
}
