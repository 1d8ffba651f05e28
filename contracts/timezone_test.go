package contracts

import (
	"strings"
	"testing"
)

func TestTimeZonesAreThoseOfTheIANADatabase(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5",
		"Asia/Kathmandu", "Pacific/Chatham", "Asia/Shanghai",
	} {
		for range 2 { // read, and remembered
			if zone, err := TimeZone(name); err != nil || zone.String() != name {
				t.Errorf("%s is %v, %v", name, zone, err)
			}
		}
	}
	for _, name := range []string{
		"", " ", "Local", "localtime", "posixrules", "+02:00", "Europe/Atlantis", "Europe/", "/Europe/Berlin", "Europe//Berlin",
		"../etc/passwd", "Europe/../Berlin", "posix/Europe/Berlin", "right/Europe/Berlin", "Europe\\Berlin", "Europe/Berlin\n",
		" Europe/Berlin", "Europe/Berlin\x00", strings.Repeat("a/", 1000) + "b",
	} {
		if zone, err := TimeZone(name); err == nil {
			t.Errorf("%q is the time zone %s", name, zone)
		}
	}
}
