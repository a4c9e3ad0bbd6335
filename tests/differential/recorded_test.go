package differential

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestRecordedValues holds expressions to what MySQL 8 itself said of them: Vitess recorded some thousand values and errors for its
// evalengine, which come with the module.
func TestRecordedValues(t *testing.T) {
	where, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "vitess.io/vitess").Output()
	if err != nil {
		t.Skip("where the module is: ", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(where)), "go/vt/vtgate/evalengine/integration/testdata/mysql_golden_*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("the module has no recorded values (%v)", err)
	}
	db := harness.NewNode(t).Start().DB("", "")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []recorded
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(file, err)
		}
		for i := range list {
			list[i].check(t, db)
		}
	}
}

// recorded is an expression with its value, TYPE("text"), or its error.
type recorded struct{ Query, Value, Error string }

var (
	recordedNumber = regexp.MustCompile(`errno (\d+)`)
	recordedText   = regexp.MustCompile(`(?s)^[A-Z0-9]+\((.*)\)$`)
)

func (r *recorded) check(t *testing.T, db *sql.DB) {
	var got sql.NullString
	err := db.QueryRow(r.Query).Scan(&got)
	if r.Error != "" {
		var e *mysql.MySQLError
		if n := recordedNumber.FindStringSubmatch(r.Error); n == nil || !errors.As(err, &e) || strconv.Itoa(int(e.Number)) != n[1] {
			t.Errorf("%s: %v instead of %s", r.Query, err, r.Error)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v instead of %s", r.Query, err, r.Value)
		return
	}
	want := sql.NullString{String: r.Value, Valid: r.Value != "NULL"}
	if m := recordedText.FindStringSubmatch(r.Value); m != nil {
		if want.String = m[1]; strings.HasPrefix(m[1], `"`) {
			if want.String, err = strconv.Unquote(m[1]); err != nil {
				t.Fatal(r.Value, err)
			}
		}
	}
	if got.Valid != want.Valid || got.Valid && got.String != want.String {
		t.Errorf("%s: %+v instead of %s", r.Query, got, r.Value)
	}
}
