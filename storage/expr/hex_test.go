package expr

import (
	"regexp"
	"testing"

	"cloudsql/storage/types"
)

var wantedNumber = regexp.MustCompile(`Truncated incorrect (INTEGER|DOUBLE|DECIMAL) value: 'zz'`)

// TestNumberPlaces: wherever a function warns that a text is no number, a hexadecimal literal has to be one there. So a new
// function does not forget its line in numberArgs.
func TestNumberPlaces(t *testing.T) {
	for name := range numberArgs {
		if d := registry[name]; d == nil || d.name != name {
			t.Errorf("numberArgs names %s, which is no function's main name", name)
		}
	}
	fillers := []Expr{NewInt(2), NewStr("abc"), NewStr("2024-01-02"), NewStr("day"), NewStr("utf8mb4"),
		&Const{Val: types.JSON([]byte(`[1]`)), Typ: types.TypeJSON}}
	found := 0
	for _, name := range Names() {
		d := registry[name]
		if name != d.name || name == "cast" || name == "collate" || name == "benchmark" || name == "sleep" {
			continue
		}
		for n := max(d.min, 1); n <= d.min+4 && (d.max < 0 || n <= d.max); n++ {
			for place := range n {
				for _, filler := range fillers {
					if !warnsOfNumber(name, n, place, filler) {
						continue
					}
					found++
					if !comparesOrChooses[name] && !numberArgs[name].has(place) {
						t.Errorf("argument %d of %s(…%d) is a number, numberArgs does not say so", place, name, n)
					}
				}
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d places were found", found)
	}
}

// comparesOrChooses are those whose arguments are numbers beside numbers only.
var comparesOrChooses = map[string]bool{
	"=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true, "<=>": true, "between": true, "not between": true,
	"conv": true, // warns of its digits, whatever their base is
	"in":   true, "not in": true, "field": true, "nullif": true, "case": true, "case value": true,
	"&": true, "|": true, "^": true, "<<": true, ">>": true, // typeBit
}

func warnsOfNumber(name string, n, place int, filler Expr) bool {
	args := make([]Expr, n)
	for i := range args {
		args[i] = filler
	}
	args[place] = NewStr("zz")
	if unit, ok := map[string]int{"date_add": 2, "date_sub": 2, "extract": 0, "timestampdiff": 0}[name]; ok && unit < n {
		args[unit] = NewStr("day")
	}
	e, err := New(name, args...)
	if err != nil {
		return false
	}
	var warnings []string
	_, _ = e.Eval(testEnv(&warnings), nil)
	for _, w := range warnings {
		if wantedNumber.MatchString(w) {
			return true
		}
	}
	return false
}
