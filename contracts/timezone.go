package contracts

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // so that every app knows every time zone, whatever its image holds
)

// timeZoneName is the form of an IANA name: "Europe/Berlin", "Etc/GMT+5", "UTC".
var timeZoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// timeZones are those that were read from the database, which takes longer than
// a page may.
var timeZones sync.Map // name -> *time.Location

// TimeZone is the time zone with a name of the IANA database. Error: there is
// none; "Local" and the database's own files are none either.
func TimeZone(name string) (*time.Location, error) {
	if known, ok := timeZones.Load(name); ok {
		return known.(*time.Location), nil
	}
	unfit := !timeZoneName.MatchString(name) || name == "Local" || name == "localtime" || name == "posixrules" ||
		strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/")
	if unfit {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", name, err)
	}
	timeZones.Store(name, zone)
	return zone, nil
}
