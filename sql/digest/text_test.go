package digest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// TestText: texts as MySQL 8.0 gives them in DIGEST_TEXT.
func TestText(t *testing.T) {
	var n Normalizer
	for text, want := range map[string]string{
		"select c from sbtest1 where id=50123":                    "SELECT `c` FROM `sbtest1` WHERE `id` = ?",
		"SELECT c FROM t WHERE id = ?":                            "SELECT `c` FROM `t` WHERE `id` = ?",
		"SELECT a, b FROM db1.t x WHERE x.a IN (1,2,3) LIMIT 10":  "SELECT `a` , `b` FROM `db1` . `t` `x` WHERE `x` . `a` IN (...) LIMIT ?",
		"SELECT * FROM t WHERE a IN (1)":                          "SELECT * FROM `t` WHERE `a` IN (?)",
		"INSERT INTO t VALUES (1,'a',NULL),(2,'it''s',-3.5e-2)":   "INSERT INTO `t` VALUES (...) /* , ... */",
		"INSERT INTO t (a) VALUES (1),(2)":                        "INSERT INTO `t` ( `a` ) VALUES (?) /* , ... */",
		"UPDATE t SET k = k + 1, s='x' WHERE id=-5 AND b IS NULL": "UPDATE `t` SET `k` = `k` + ? , `s` = ? WHERE `id` = ? AND `b` IS NULL",
		"SELECT k-1, - 1 FROM t":                                  "SELECT `k` - ?, ... FROM `t`",
		"SELECT COUNT(*), concat(a, 'x') FROM `t` GROUP BY b":     "SELECT COUNT ( * ) , `concat` ( `a` , ? ) FROM `t` GROUP BY `b`",
		"SELECT 1":                                "SELECT ?",
		"SELECT 1, 2, 3 /* hi */ -- there":        "SELECT ?, ...",
		"SELECT 0x1F, x'ab', b'1', .5, 1.5, 1e5 ": "SELECT ?, ...",
		"SELECT 'a' 'b'":                          "SELECT ?",
		"delete from t where status >= 'x' and name <> 'y' limit 1": "DELETE FROM `t` WHERE `status` >= ? AND `name` <> ? LIMIT ?",
		"BEGIN":                               "BEGIN",
		"set autocommit=0;":                   "SET `autocommit` = ?",
		"CREATE TABLE t (a INT NOT NULL)":     "CREATE TABLE `t` ( `a` INT NOT NULL )",
		"SELECT /*!80000 a */ FROM t":         "SELECT `a` FROM `t`",
		"SELECT f(?), g(1, 2)":                "SELECT `f` (?) , `g` (...)",
		"":                                    "",
		"SELECT a FROM t WHERE b = 'unclosed": "SELECT `a` FROM `t` WHERE `b` = ?",
	} {
		if got := string(n.Text(text)); got != want {
			t.Errorf("%s\n  is  %s\n  not %s", text, got, want)
		}
	}
}

// TestBulkText: however many rows an INSERT has, and however long they are, its digest is that of a few.
func TestBulkText(t *testing.T) {
	var n Normalizer
	few := string(n.Text("INSERT INTO t VALUES (1, 'a'), (2, 'b')"))
	for _, rows := range []int{3, 1000, 100_000} {
		var b strings.Builder
		b.WriteString("INSERT INTO t VALUES (0, 'x')")
		for i := range rows {
			fmt.Fprintf(&b, ", (%d, 'value %d')", i, i)
		}
		if got := string(n.Text(b.String())); got != few && !strings.HasPrefix(got, few) {
			t.Errorf("%d rows: %s", rows, got)
		}
	}
	long := n.Text("SELECT " + strings.Repeat("a+", 5000) + "a")
	if len(long) != MaxText || !strings.HasSuffix(string(long), "...") {
		t.Errorf("%d bytes: %s", len(long), long)
	}
}

func FuzzText(f *testing.F) {
	f.Add("SELECT 'a' /*! x */ , -.5e")
	f.Add("`")
	f.Add("x'")
	f.Add("1e+")
	f.Fuzz(func(t *testing.T, text string) {
		var n Normalizer
		if got := n.Text(text); len(got) > MaxText {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// What a Normalizer keeps between texts is not the text: a statement of 40 MB goes when it has ended.
func TestTextsAreNotKept(t *testing.T) {
	var n Normalizer
	gone := make(chan struct{})
	func() {
		text := new([1 << 20]byte)
		runtime.AddCleanup(text, func(gone chan struct{}) { close(gone) }, gone)
		copy(text[:], "SELECT a, b, c FROM t WHERE a = 'x' AND b IN (1, 2)")
		n.Text(unsafe.String(&text[0], len(text)))
	}()
	for range 10 { // the cleanup runs after a collection, in a goroutine
		runtime.GC()
		select {
		case <-gone:
			runtime.KeepAlive(&n)
			return
		case <-time.After(time.Second):
		}
	}
	t.Error("the text is still referred to")
	runtime.KeepAlive(&n)
}
