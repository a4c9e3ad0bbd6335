package datadir

import (
	"os"
	"path/filepath"
	"sync"

	"cloudsql/storage/engine"
)

// Damages collects what the engine could not read until somebody has looked whose it is.
type Damages struct {
	mu   sync.Mutex
	new  map[string]engine.Damage // by path
	wake chan struct{}

	noted map[string]bool // since the start
}

// NewDamages has none yet.
func NewDamages() *Damages {
	return &Damages{new: map[string]engine.Damage{}, wake: make(chan struct{}, 1), noted: map[string]bool{}}
}

// IsNew tells whether a table is met for the first time.
func (d *Damages) IsNew(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.noted[path]
	d.noted[path] = true
	return !known
}

// Wake is sent to when there are some.
func (d *Damages) Wake() <-chan struct{} { return d.wake }

// Add takes one in.
func (d *Damages) Add(found engine.Damage) {
	d.mu.Lock()
	d.new[found.Path] = found
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Take gives what has come since.
func (d *Damages) Take() map[string]engine.Damage {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.new
	d.new = map[string]engine.Damage{}
	return found
}

// MoveAside moves everything in a directory into a new one in it, in the place of what is there.
func MoveAside(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	aside := filepath.Join(dir, name)
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Mkdir(aside, 0o750); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == name {
			continue
		}
		if err := os.Rename(filepath.Join(dir, e.Name()), filepath.Join(aside, e.Name())); err != nil {
			return err
		}
	}
	return SyncPath(dir)
}
