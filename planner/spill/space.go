package spill

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
)

// Space is where the temporary files of a node's statements are: a directory of their own, and as many bytes as they may take
// together. A nil Space is the system's directory for such files, without a limit.
type Space struct {
	// Open makes an empty temporary file of which nothing is left once it is closed; nil: one without a name in the directory.
	Open func() (TempFile, error)

	Limit int64 // bytes that they may take; 0: any number

	dir     string
	used    atomic.Int64
	written atomic.Uint64
	files   [memory.Kinds]atomic.Uint64
}

// TempFile is a temporary file: written at its end, read anywhere.
type TempFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// system is what a nil Space stands for.
var system Space

// NewSpace empties dir, where an earlier process may have left files, and makes it if it is not there.
func NewSpace(dir string, limit int64) (*Space, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("temporary files: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("temporary files: %w", err)
	}
	return &Space{dir: dir, Limit: limit}, nil
}

// Used is what the files take, in bytes.
func (s *Space) Used() int64 {
	if s == nil {
		return 0
	}
	return s.used.Load()
}

// Written is the bytes that were ever written.
func (s *Space) Written() uint64 { return s.written.Load() }

// Files is how many files were ever made for what a kind of memory was too small for.
func (s *Space) Files(k memory.Kind) uint64 { return s.files[k].Load() }

// spaceFile is a temporary file. It has no name, so that nothing is left of it, whatever happens to the process.
type spaceFile struct {
	file  TempFile
	space *Space
	size  int64
}

func (s *Space) create(k memory.Kind) (*spaceFile, error) {
	if s == nil {
		s = &system
	}
	open := s.openUnnamed
	if s.Open != nil {
		open = s.Open
	}
	f, err := open()
	if err != nil {
		return nil, fileError(mysqlerr.CantCreateFile, err)
	}
	s.files[k].Add(1)
	return &spaceFile{file: f, space: s}, nil
}

func (s *Space) openUnnamed() (TempFile, error) {
	f, err := os.CreateTemp(s.dir, "cloudsql-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // it lives as long as it is open
	return f, nil
}

// fileError is the error of a statement whose temporary file cannot be used. Names of files are not told to clients.
func fileError(code uint16, err error) error {
	var number syscall.Errno
	errors.As(err, &number)
	if number == syscall.ENOSPC {
		code = mysqlerr.DiskFull
	}
	return mysqlerr.New(code, "a temporary file", int(number), rootCause(err))
}

func rootCause(err error) error {
	for {
		below := errors.Unwrap(err)
		if below == nil {
			return err
		}
		err = below
	}
}

// Below is a directory in that of the space; "" where that is the system's.
func (s *Space) Below(name string) string {
	if s == nil || s.dir == "" {
		return ""
	}
	return filepath.Join(s.dir, name)
}

// Take counts n bytes that something takes of the space, or gives back where n is negative. 1114 where there are not as many.
func (s *Space) Take(n int64) error {
	if s == nil {
		s = &system
	}
	if used := s.used.Add(n); n > 0 && s.Limit > 0 && used > s.Limit {
		s.used.Add(-n)
		return mysqlerr.Newf(mysqlerr.RecordFileFull, "The temporary files of statements are full: they may take %d bytes together", s.Limit)
	}
	return nil
}

// append writes at the end; 1114 where the files would take more than they may.
func (f *spaceFile) append(b []byte) error {
	n := int64(len(b))
	if err := f.space.Take(n); err != nil {
		return err
	}
	f.size += n
	f.space.written.Add(uint64(n)) //nolint:gosec // a length
	if _, err := f.file.Write(b); err != nil {
		return fileError(mysqlerr.ErrorOnWrite, err)
	}
	return nil
}

func (f *spaceFile) read(b []byte, at int64) error {
	if _, err := f.file.ReadAt(b, at); err != nil {
		return fileError(mysqlerr.ErrorOnRead, err)
	}
	return nil
}

func (f *spaceFile) close() {
	_ = f.file.Close()
	f.space.used.Add(-f.size)
}
