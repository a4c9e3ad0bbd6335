package sysvar

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/zones"
)

// ParseTimeZone reads time_zone: SYSTEM, an offset, or a zone's name. 1298.
func ParseTimeZone(text string) (*time.Location, string, error) {
	if strings.EqualFold(text, "SYSTEM") {
		return SystemZone(), "SYSTEM", nil
	}
	unknown := mysqlerr.New(mysqlerr.UnknownTimeZone, text)
	if text == "" || strings.EqualFold(text, "Local") {
		return nil, "", unknown
	}
	if loc, ok := zones.Offset(text); ok {
		return loc, text, nil
	}
	if loc, ok := zones.Load(text); ok {
		return loc, text, nil
	}
	return nil, "", unknown
}

// SystemZone is the machine's zone under its own name where that can be found out ("Europe/Berlin"), so that it means
// the same on another machine; time.Local otherwise.
var SystemZone = sync.OnceValue(func() *time.Location {
	name, set := os.LookupEnv("TZ")
	if name = strings.TrimPrefix(name, ":"); set && name == "" {
		return time.UTC
	}
	if !set {
		link, _ := os.Readlink("/etc/localtime")
		_, name, _ = strings.Cut(link, "zoneinfo/")
	}
	if z, ok := zones.Load(name); ok {
		return z
	}
	return time.Local
})

func checkTimeZone(text string) (string, error) {
	_, name, err := ParseTimeZone(text)
	return name, err
}

func (v *Values) applyTimeZone(text string) {
	if loc, name, err := ParseTimeZone(text); err == nil {
		v.Mode.Loc, v.Zone, v.ZoneName = loc, loc, name
	}
}

// SystemZoneName is system_time_zone: the abbreviation of the machine's zone.
func SystemZoneName() string {
	if tz := os.Getenv("TZ"); tz != "" {
		return tz
	}
	name, _ := time.Now().Zone()
	return name
}

const maxTimestamp = 32536771199 // '3001-01-18 23:59:59' UTC, the last second that MySQL's time functions know

// checkTimestamp refuses what is no second of MySQL's. 1231.
func checkTimestamp(text string) (string, error) {
	if f, err := strconv.ParseFloat(text, 64); err != nil || f != 0 && (f < 1 || f > maxTimestamp) {
		return "", mysqlerr.New(mysqlerr.WrongValueForVar, "timestamp", text)
	}
	return text, nil
}

// applyTimestamp is SET timestamp = …: statements run at that time until it is set to 0 or DEFAULT.
func (v *Values) applyTimestamp(text string) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f <= 0 {
		v.FixedNow = time.Time{}
		return
	}
	v.FixedNow = time.UnixMicro(int64(f * 1e6)).UTC()
}

// CompileMachine is version_compile_machine, in MySQL's words.
func CompileMachine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}
