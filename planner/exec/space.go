package exec

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// Space is where the temporary files of a node's statements are: a directory of their own, and as many bytes as they may take
// together. A nil Space is the system's directory for such files, without a limit.
type Space struct {
	dir   string
	limit int64 // bytes; 0: none
	used  atomic.Int64
}

// NewSpace empties dir, where an earlier process may have left files, and makes it if it is not there.
func NewSpace(dir string, limit int64) (*Space, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("temporary files: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("temporary files: %w", err)
	}
	return &Space{dir: dir, limit: limit}, nil
}

// Used is what the files take, in bytes.
func (s *Space) Used() int64 {
	if s == nil {
		return 0
	}
	return s.used.Load()
}

// spaceFile is a temporary file. It has no name, so that nothing is left of it, whatever happens to the process.
type spaceFile struct {
	*os.File
	space *Space
	size  int64
}

func (s *Space) create() (*spaceFile, error) {
	dir := ""
	if s != nil {
		dir = s.dir
	}
	f, err := os.CreateTemp(dir, "cloudsql-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // it lives as long as it is open
	return &spaceFile{File: f, space: s}, nil
}

// Write appends; 1114 where the files would take more than they may.
func (f *spaceFile) Write(b []byte) (int, error) {
	if s := f.space; s != nil {
		n := int64(len(b))
		if used := s.used.Add(n); s.limit > 0 && used > s.limit {
			s.used.Add(-n)
			return 0, mysqlerr.Newf(mysql.ErrRecordFileFull, "The temporary files of statements are full: they may take %d bytes together", s.limit)
		}
		f.size += n
	}
	return f.File.Write(b)
}

func (f *spaceFile) close() {
	_ = f.File.Close()
	if f.space != nil {
		f.space.used.Add(-f.size)
	}
}
