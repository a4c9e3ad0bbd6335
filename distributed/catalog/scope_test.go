package catalog

import (
	"testing"

	"cloudsql/storage/version"
)

// TestScopes: changes of different scopes do not expect each other, those of one do; while programs are about that know no scopes, all expect
// each other.
func TestScopes(t *testing.T) {
	for _, v := range []version.Version{version.V1, version.V2} {
		r := newRecords()
		s := r.commit(t, Empty(), func(tx *Tx) { tx.PutClusterVersion(ClusterVersion{Active: v}) })
		locks, again, setting := Begin(s, UserLocks), Begin(s, UserLocks), s.Begin()
		locks.PutRecord(string(UserLocks), "a", 1)
		again.PutRecord(string(UserLocks), "b", 1)
		part := setting.Part()
		part.PutSetting("x", "1")
		part.Join()
		command := locks.Command(1, 10)
		if err := locks.Check(v); err != nil || !r.apply(command) {
			t.Fatal("the first change was refused", err)
		}
		now, err := s.Apply(r.index, command.Sets)
		if err != nil {
			t.Fatal(err)
		}
		if r.apply(again.Command(1, 11)) || !again.Stale(now) {
			t.Error("a lost race in one scope is not lost")
		}
		if apart := v >= scopesSince; r.apply(setting.Command(1, 12)) != apart || setting.Stale(now) == apart {
			t.Errorf("at version %d another scope's change wins or loses", v)
		} else if (now.Version() == s.Version()) != apart {
			t.Errorf("at version %d, definitions went from version %d to %d", v, s.Version(), now.Version())
		}
		if now.LastCommit(1, UserLocks) != 10 || now.LastCommit(1, Definitions) == 10 {
			t.Error("a node's changes of two scopes are taken for each other")
		}
		if loaded, err := Load(r.scan); err != nil || versionOf(loaded, UserLocks) != versionOf(now, UserLocks) {
			t.Error("a scope's version is lost", err)
		}
	}
}

// TestScopesAreHeldTo: a change that leaves its scope is a programming error.
func TestScopesAreHeldTo(t *testing.T) {
	for _, tx := range []*Tx{Empty().Begin(), Begin(Empty(), UserLocks)} {
		for _, kind := range []string{string(UserLocks), "job"} {
			func() {
				defer func() {
					if refused := recover() != nil; refused == ((tx.scope == UserLocks) == (kind == string(UserLocks))) {
						t.Errorf("a record of kind %s in scope %q: refused: %v", kind, tx.scope, refused)
					}
				}()
				tx.PutRecord(kind, "a", 1)
			}()
		}
	}
}
