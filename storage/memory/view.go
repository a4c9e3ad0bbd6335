package memory

// Figures is an account as the views show it, in bytes.
type Figures struct {
	Level Level
	Name  string
	Used  int64
	Peak  int64            // the most that it ever held
	Limit int64            // 0: none
	Kinds map[string]int64 // by what it is held for, where that is anything
}

// Figures tells what the account holds.
func (a *Account) Figures() Figures {
	f := Figures{Level: a.level, Name: a.name, Used: a.Used(), Peak: max(a.peak.Load(), a.Used()), Limit: a.Limit(), Kinds: map[string]int64{}}
	for k := range Kinds {
		if n := a.kinds[k].Load(); n > 0 {
			f.Kinds[k.String()] = n
		}
	}
	return f
}

// Totals is what a whole tree holds.
type Totals struct {
	Process Figures
	Stores  []Figures
	Kinds   map[string]int64 // bytes by what they are held for
	Sheds   uint64           // statements that were ended for their memory
	Refused uint64           // requests that the process's limit refused
}

// Totals tells what the tree of a process account holds.
func (a *Account) Totals() Totals {
	t := a.tree
	all := Totals{Process: t.root.Figures(), Kinds: map[string]int64{}, Sheds: t.sheds.Load(), Refused: t.failed.Load()}
	for k := range Kinds {
		all.Kinds[k.String()] = t.kinds[k].Load()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.stores {
		all.Stores = append(all.Stores, s.Figures())
	}
	return all
}
