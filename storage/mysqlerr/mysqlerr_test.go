package mysqlerr

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

func TestMessages(t *testing.T) {
	for _, tc := range []struct {
		err  *Error
		want string
	}{
		{New(mysql.ErrDupEntry, "1", "t.PRIMARY"), "ERROR 1062 (23000): Duplicate entry '1' for key 't.PRIMARY'"},
		{New(mysql.ErrNoSuchTable, "d", "t"), "ERROR 1146 (42S02): Table 'd.t' doesn't exist"},
		{New(mysql.ErrBadField, "c", "field list"), "ERROR 1054 (42S22): Unknown column 'c' in 'field list'"},
		{New(mysql.ErrBadNull, "c"), "ERROR 1048 (23000): Column 'c' cannot be null"},
		{New(mysql.ErrWarnDataOutOfRange, "c", 1), "ERROR 1264 (22003): Out of range value for column 'c' at row 1"},
		{New(mysql.ErrDataTooLong, "c", 2), "ERROR 1406 (22001): Data too long for column 'c' at row 2"},
		{New(mysql.ErrDivisionByZero), "ERROR 1365 (22012): Division by 0"},
		{New(mysql.ErrNoDefaultForField, "c"), "ERROR 1364 (HY000): Field 'c' doesn't have a default value"},
		{New(mysql.ErrDataOutOfRange, "BIGINT", "(1 + 2)"), "ERROR 1690 (22003): BIGINT value is out of range in '(1 + 2)'"},
		{New(mysql.ErrLockDeadlock), "ERROR 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"},
		{New(mysql.ErrLockWaitTimeout), "ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction"},
		{New(mysql.ErrLockAcquireFailAndNoWaitSet), "ERROR 3572 (HY000): Statement aborted because lock(s) could not be acquired " +
			"immediately and NOWAIT is set."},
		{New(mysql.ErrMaxExecTimeExceeded), "ERROR 3024 (HY000): Query execution was interrupted, maximum statement execution " +
			"time exceeded"},
		{New(mysql.ErrInvalidUseOfNull), "ERROR 1138 (22004): Invalid use of NULL value"},
		{New(mysql.ErrInvalidJSONText, "Invalid value.", 0, "j"), "ERROR 3140 (22032): Invalid JSON text: \"Invalid value.\" at " +
			"position 0 in value for column 'j'."},
		{New(CheckViolated, "t_chk_1"), "ERROR 3819 (HY000): Check constraint 't_chk_1' is violated."},
		{New(mysql.ErrRowIsReferenced2, "`d`.`t`"), "ERROR 1451 (23000): Cannot delete or update a parent row: a foreign key " +
			"constraint fails (`d`.`t`)"},
		{NotSupported("XA"), "ERROR 1235 (42000): This version of cloudsql doesn't yet support 'XA'"},
		{New(mysql.ErrNotSupportedYet, "XA"), "ERROR 1235 (42000): This version of cloudsql doesn't yet support 'XA'"},
		{Syntax("selec 1", 1), "ERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your " +
			"MySQL server version for the right syntax to use near 'selec 1' at line 1"},
		{New(mysql.ErrSubqueryNo1Row), "ERROR 1242 (21000): Subquery returns more than 1 row"},
		{New(mysql.ErrAccessDenied, "u", "h", "YES"), "ERROR 1045 (28000): Access denied for user 'u'@'h' (using password: YES)"},
		{New(mysql.ErrQueryInterrupted), "ERROR 1317 (70100): Query execution was interrupted"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestFromAndCode(t *testing.T) {
	dup := New(mysql.ErrDupEntry, "1", "k")
	wrapped := fmt.Errorf("apply: %w", dup)
	if From(wrapped) != dup || Code(wrapped) != 1062 || Code(nil) != 0 || Code(errors.New("x")) != 1105 {
		t.Error("the code is lost on the way")
	}
	if !errors.Is(wrapped, dup) || errors.Is(wrapped, New(mysql.ErrDupEntry, "1", "k")) {
		t.Error("errors.Is takes one error for another of its code")
	}
}

var verb = regexp.MustCompile(`%[-.0-9]*[a-zA-Z]`)

// Each call of New in the project gives its template as many arguments as it has verbs.
func TestCallsFitTheirTemplates(t *testing.T) {
	codes := parserCodes(t)
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil // someone is writing it
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				checkCall(t, fset, call, codes)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkCall looks at mysqlerr.New(mysql.ErrX, …).
func checkCall(t *testing.T, fset *token.FileSet, call *ast.CallExpr, codes map[string]uint16) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "New" || len(call.Args) == 0 || call.Ellipsis.IsValid() {
		return
	}
	if pkg, ok := fun.X.(*ast.Ident); !ok || pkg.Name != "mysqlerr" {
		return
	}
	name, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok {
		return
	}
	code, ok := codes[name.Sel.Name]
	if !ok {
		return
	}
	tmpl, ok := templates[code]
	if !ok {
		tmpl = mysql.MySQLErrName[code].Raw
	}
	if want := len(verb.FindAllString(tmpl, -1)); want != len(call.Args)-1 {
		t.Errorf("%s: %s takes %d arguments (%s), not %d", fset.Position(call.Pos()), name.Sel.Name, want, tmpl, len(call.Args)-1)
	}
}

// parserCodes reads the names of the parser's codes, and of ours, from their source.
func parserCodes(t *testing.T) map[string]uint16 {
	t.Helper()
	codes := map[string]uint16{}
	for _, path := range []string{"codes.go", parserSource(t)} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.INT {
				if code, err := strconv.ParseUint(lit.Value, 10, 16); err == nil {
					codes[spec.Names[0].Name] = uint16(code)
				}
			}
			return true
		})
	}
	return codes
}

// parserSource finds the parser's errcode.go among the modules.
func parserSource(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/pingcap/tidb/pkg/parser/mysql").Output()
	if err != nil {
		t.Skip("no go command to find the parser's source with")
	}
	return filepath.Join(strings.TrimSpace(string(out)), "errcode.go")
}
