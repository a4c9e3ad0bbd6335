package dialect

import (
	"strings"

	"cloudsql/storage/mysqlerr"
)

// DropAbsent is DROP TRIGGER, PROCEDURE, FUNCTION or EVENT: there are none, as dumps and migrations want to be sure of first.
type DropAbsent struct {
	Kind, DB, Name string // DB "": the current one
	IfExists       bool
}

// readDrop reads DROP of what there is none of, and refuses that of other things which do not exist here.
func readDrop(st statement) (Statement, error) {
	for _, kind := range []string{"trigger", "procedure", "function", "event"} {
		if !st.take(kind) {
			continue
		}
		n := DropAbsent{Kind: strings.ToUpper(kind), IfExists: st.take("if", "exists")}
		t, ok := st.tableName()
		if !ok || len(st.words) > 0 {
			return nil, st.syntaxError()
		}
		n.DB, n.Name = t.Schema.O, t.Name.O
		return n, nil
	}
	return readRefused(st)
}

// Missing is what the statement says in a database, unless what came before it failed: an error, or with IF EXISTS a note.
// 1046, 1305, 1360, 1539.
func (n DropAbsent) Missing(before error, current string, note func(level string, code uint16, message string)) error {
	db := n.DB
	if db == "" {
		db = current
	}
	switch {
	case before != nil:
		return before
	case db == "":
		return mysqlerr.New(mysqlerr.NoDB)
	}
	err := mysqlerr.New(mysqlerr.SpDoesNotExist, n.Kind, db+"."+n.Name)
	switch {
	case n.Kind == "TRIGGER":
		err = mysqlerr.New(mysqlerr.TrgDoesNotExist)
	case n.Kind == "EVENT" && n.IfExists:
		err = mysqlerr.New(mysqlerr.SpDoesNotExist, "Event", n.Name)
	case n.Kind == "EVENT":
		err = mysqlerr.New(mysqlerr.EventDoesNotExist, n.Name)
	}
	if !n.IfExists {
		return err
	}
	note("Note", err.Code, err.Message)
	return nil
}

// ResetPersist is RESET PERSIST; of all variables where it names none.
type ResetPersist struct {
	Name     string
	IfExists bool
}

// readReset reads RESET PERSIST [[IF EXISTS] name].
func readReset(st statement) (Statement, error) {
	if !st.take("persist") {
		return nil, mysqlerr.NotSupported("RESET")
	}
	n := ResetPersist{IfExists: st.take("if", "exists")}
	if len(st.words) == 0 && !n.IfExists {
		return n, nil
	}
	t, ok := st.tableName()
	if !ok || len(st.words) > 0 {
		return nil, st.syntaxError()
	}
	if n.Name = t.Name.L; t.Schema.L != "" {
		n.Name = t.Schema.L + "." + n.Name
	}
	return n, nil
}

// Component is INSTALL or UNINSTALL COMPONENT.
type Component struct {
	Install bool
	URNs    []string
}

// readComponent reads [UN]INSTALL COMPONENT 'urn', …; plugins are refused.
func readComponent(install bool) reader {
	return func(st statement) (Statement, error) {
		if !st.take("component") {
			return nil, mysqlerr.NotSupported("INSTALL PLUGIN")
		}
		urns, ok := listOf(&st.words, st.quoted)
		if !ok || len(st.words) > 0 {
			return nil, st.syntaxError()
		}
		return Component{Install: install, URNs: urns}, nil
	}
}
