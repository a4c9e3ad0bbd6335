package datadir

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// What is in a directory, for those who keep it there.
const (
	Raft        = "raft"     // the raft log
	Data        = "data"     // the rows
	Credentials = "node.pem" // what proves that the node is a member
)

const (
	lockFile     = "LOCK"
	identityFile = "node.json"
	replicasFile = "replicas.json"
	makingFile   = "making"
)

// Errors of Open, to be tested for with errors.Is. Their text is meant for whoever started the process.
var (
	ErrLocked      = errors.New("the data directory is in use by another process")
	ErrForeign     = errors.New("the data directory holds files that are not cloudsql's")
	ErrNewerFormat = errors.New("the data directory was written by a newer version of cloudsql")
	ErrDataLost    = errors.New("data is missing")
	ErrVersion     = errors.New("this program cannot serve the cluster's version")
)

// Identity is which node of which cluster a directory belongs to.
type Identity struct {
	// Format is the cluster version that a program must be able to serve to use the directory. It is raised before the
	// cluster's version is, so that no older program meets what it does not know.
	Format  version.Version `json:"format"`
	Cluster string          `json:"cluster"` // hexadecimal
	Node    schema.NodeID   `json:"node"`
	Version string          `json:"version"` // of the program that made it
}

// ClusterID is Cluster, decoded.
func (id *Identity) ClusterID() (c rpc.ClusterID, err error) {
	b, err := hex.DecodeString(id.Cluster)
	if err != nil || len(b) != len(c) {
		return c, fmt.Errorf("%s: bad cluster id", identityFile)
	}
	copy(c[:], b)
	return c, nil
}

// Record is what a node remembers of one of its replicas, apart from the replica's own data.
type Record struct {
	Shard     schema.ShardID `json:"shard"`
	Replica   uint64         `json:"replica"`
	NonVoting bool           `json:"nonVoting,omitempty"` // joined as one
	Members   []uint64       `json:"members,omitempty"`   // the first members of a group that it helped to begin
	Started   bool           `json:"started,omitempty"`   // it ran once: its raft log must be there
	Durable   uint64         `json:"durable"`             // log index up to which its rows were made durable
	Broken    string         `json:"broken,omitempty"`    // why it is not started
	// Damaged: broken by what cannot be found out again by looking, so that it stays broken.
	Damaged bool `json:"damaged,omitempty"`
	// Retired replicas were removed from their group; their ids are remembered until their data is gone.
	Retired bool `json:"retired,omitempty"`
	// Quarantined is what programs before version.V2 noted of a replica that differed from its leaseholder's, which may have
	// been the wrong one.
	Quarantined bool `json:"quarantined,omitempty"`
}

// localState is replicas.json.
type localState struct {
	Replicas []*Record                `json:"replicas"`
	Peers    map[schema.NodeID]string `json:"peers"`
}

// Dir is an open data directory.
type Dir struct {
	path  string
	lock  *os.File
	token string // of an interrupted join, to be used again

	mu    sync.Mutex
	local localState
	id    *Identity // nil until it has one
}

// Open locks a directory, creating it, and reads what is in it, if it is of a cluster version up to newest, which
// program (for messages) can serve. fresh: there is nothing in it yet.
func Open(path string, newest version.Version, program string) (d *Dir, id *Identity, fresh bool, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, nil, false, err
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, nil, false, fmt.Errorf("cannot create the data directory: %w", err)
	}
	if err := checkOwn(path); err != nil {
		return nil, nil, false, err
	}
	d = &Dir{path: path, local: localState{Peers: map[schema.NodeID]string{}}}
	if d.lock, err = lockPath(filepath.Join(path, lockFile)); err != nil {
		return nil, nil, false, err
	}
	if id, fresh, err = d.read(newest, program); err != nil {
		d.Close()
		return nil, nil, false, err
	}
	return d, id, fresh, nil
}

// checkOwn refuses a directory with other things in it and none of ours.
func checkOwn(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("cannot read the data directory: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case identityFile, makingFile, lockFile:
			return nil
		case "lost+found", "tls", "temporary":
		default:
			return fmt.Errorf("%w: %s has %s in it", ErrForeign, path, e.Name())
		}
	}
	return nil
}

func lockPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, filepath.Dir(path))
		}
		return nil, err
	}
	return f, nil
}

// Close lets go of the directory.
func (d *Dir) Close() { _ = d.lock.Close() }

// Path is where it is, File where a file of it is.
func (d *Dir) Path() string            { return d.path }
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// read gives the identity; what an initialisation left behind that did not end is removed.
func (d *Dir) read(newest version.Version, program string) (*Identity, bool, error) {
	_, err := os.Stat(d.File(makingFile))
	making := err == nil
	id, err := d.readIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		if making {
			return nil, true, d.wipe()
		}
		return nil, true, d.checkEmpty()
	}
	if err != nil {
		return nil, false, err
	}
	if id.Format > newest {
		return nil, false, fmt.Errorf("%w: %s is of a cluster at version %d, this program (%s) knows up to %d",
			ErrNewerFormat, d.path, id.Format, program, newest)
	}
	if id.Format < version.Min {
		return nil, false, fmt.Errorf("%w: %s is of a cluster at version %d, this program (%s) begins at %d: upgrade by way of an older one",
			ErrVersion, d.path, id.Format, program, version.Min)
	}
	data, err := os.ReadFile(d.File(replicasFile))
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrDataLost, err)
	}
	if err := json.Unmarshal(data, &d.local); err != nil {
		return nil, false, fmt.Errorf("%s: %w", d.File(replicasFile), err)
	}
	if making { // the identity is the last thing that is written: whatever began is whole
		if err := d.Finish(); err != nil {
			return nil, false, err
		}
	}
	d.id = id
	return id, false, nil
}

// checkEmpty refuses a directory with stores that nothing says whose they are.
func (d *Dir) checkEmpty() error {
	for _, name := range []string{Raft, Data} {
		if _, err := os.Stat(d.File(name)); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%w: %s is missing, and %s is there. Put it back, or let the node join with an empty directory",
				ErrDataLost, d.File(identityFile), name), err)
		}
	}
	return nil
}

func (d *Dir) readIdentity() (*Identity, error) {
	data, err := os.ReadFile(d.File(identityFile))
	if err != nil {
		return nil, err
	}
	id := &Identity{}
	if err := json.Unmarshal(data, id); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrForeign, d.File(identityFile), err)
	}
	return id, nil
}

func (d *Dir) wipe() error {
	if data, err := os.ReadFile(d.File(makingFile)); err == nil {
		d.token = strings.TrimSpace(string(data))
	}
	for _, name := range []string{Raft, Data, replicasFile, Credentials, identityFile, makingFile} { // the mark last
		if err := os.RemoveAll(d.File(name)); err != nil {
			return fmt.Errorf("clearing what an interrupted first start left: %w", err)
		}
	}
	return nil
}

// Begin marks the directory as being initialised and gives the token that this node joins with, which the mark keeps.
func (d *Dir) Begin() (token string, err error) {
	if d.token == "" {
		d.token = strconv.FormatUint(rand.Uint64(), 16)
	}
	return d.token, d.Write(makingFile, []byte(d.token+"\n"))
}

// Identify writes the identity; the directory is of use from then on.
func (d *Dir) Identify(id *Identity) error {
	if err := d.save(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.identifyLocked(id)
}

func (d *Dir) identifyLocked(id *Identity) error {
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	if err := d.Write(identityFile, append(data, '\n')); err != nil {
		return err
	}
	d.id = id
	return nil
}

// Bound is the cluster version that a program must be able to serve to use the directory.
func (d *Dir) Bound() version.Version {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.id == nil {
		return 0
	}
	return d.id.Format
}

// Bind makes the directory one that only programs for cluster version v can use.
func (d *Dir) Bind(v version.Version) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.id == nil || d.id.Format >= v {
		return nil
	}
	id := *d.id
	id.Format = v
	return d.identifyLocked(&id)
}

// Finish ends the initialisation.
func (d *Dir) Finish() error {
	if err := os.Remove(d.File(makingFile)); err != nil {
		return err
	}
	return SyncPath(d.path)
}

// Write replaces a file so that a crash leaves the old or the new one.
func (d *Dir) Write(name string, data []byte) error {
	tmp := d.File(name + ".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, d.File(name)); err != nil {
		return err
	}
	return SyncPath(d.path)
}

// SyncPath makes what was renamed in a directory durable.
func SyncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// save writes replicas.json.
func (d *Dir) save() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.saveLocked()
}

func (d *Dir) saveLocked() error {
	data, err := json.MarshalIndent(&d.local, "", "  ")
	if err != nil {
		return err
	}
	return d.Write(replicasFile, append(data, '\n'))
}

// Replicas gives copies of the records.
func (d *Dir) Replicas() []Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Record, len(d.local.Replicas))
	for i, r := range d.local.Replicas {
		out[i] = *r
	}
	return out
}

// Update changes the record of a replica (nil: there is none) and saves; fn returns what to keep, nil to drop it.
func (d *Dir) Update(s schema.ShardID, replica uint64, fn func(*Record) *Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.local.Replicas, func(r *Record) bool { return r.Shard == s && r.Replica == replica })
	var old *Record
	if i >= 0 {
		c := *d.local.Replicas[i]
		old = &c
	}
	next := fn(old)
	switch {
	case next == nil && i >= 0:
		d.local.Replicas = slices.Delete(d.local.Replicas, i, i+1)
	case next == nil:
		return nil
	case i >= 0:
		d.local.Replicas[i] = next
	default:
		d.local.Replicas = append(d.local.Replicas, next)
	}
	return d.saveLocked()
}

// Durable notes how far a replica's rows are on the disk.
func (d *Dir) Durable(s schema.ShardID, replica, index uint64) error {
	return d.Update(s, replica, func(r *Record) *Record {
		if r != nil {
			r.Durable = max(r.Durable, index)
		}
		return r
	})
}

// Peers is the address book as of the last time that the catalog was seen.
func (d *Dir) Peers() map[schema.NodeID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.local.Peers)
}

// SetPeers notes the address book.
func (d *Dir) SetPeers(p map[schema.NodeID]string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if maps.Equal(d.local.Peers, p) {
		return nil
	}
	d.local.Peers = p
	return d.saveLocked()
}
