package dialect

import "testing"

// FuzzReadShow: whatever text comes, it is read without a panic, and only SHOW and DESCRIBE are taken.
func FuzzReadShow(f *testing.F) {
	for _, s := range []string{
		"SHOW STORAGE ENGINES", "desc `a``b`.c 'x%'", "show extended index from t", "show local status like 'a'", "explain t '",
		"show create event `e`", "SHOW REPLICA STATUS FOR CHANNEL 'c';",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmt, err := ReadShow(text)
		if stmt == nil && err == nil {
			return
		}
		if w := lexemes(text); !w.at(0, "show", "desc", "describe", "explain") {
			t.Errorf("%q is taken", text)
		}
	})
}
