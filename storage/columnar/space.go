package columnar

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"cloudsql/storage/memory"
)

// ErrDamaged: a page is not what was written.
var ErrDamaged = errors.New("columnar: a page has changed on disk")

// Space is where a node's copies are: their files, and the pages of them that are decoded.
type Space struct {
	// Open makes an empty file of which nothing is left when nobody refers to it.
	Open func() (File, error)

	BlockRows  int // how many rows a block has at most; 0: DefaultBlockRows
	CacheBytes int // of decoded pages that are kept; 0: DefaultCacheBytes

	Memory *memory.Account // that they are charged to; nil: none

	cache cache
}

// Clear forgets all decoded pages.
func (s *Space) Clear() { s.cache.retain(func(*cached) bool { return false }, s.Memory) }

// Trim forgets the decoded pages of copies that are gone.
func (s *Space) Trim() {
	s.cache.retain(func(c *cached) bool { return c.page.Value() != nil }, s.Memory)
}

// Rows is how many rows a block has at most.
func (s *Space) Rows() int { return cmp.Or(s.BlockRows, DefaultBlockRows) }

func (s *Space) cacheBytes() int { return cmp.Or(s.CacheBytes, DefaultCacheBytes) }

// File is written at its end and read anywhere.
type File interface {
	io.Writer
	io.ReaderAt
}

func (s *Space) segment() (*segment, error) {
	f, err := s.Open()
	if err != nil {
		return nil, err
	}
	return &segment{file: f, space: s}, nil
}

// segment is the file of the pages that one build has written.
type segment struct {
	file  File
	space *Space
	size  int64
}

// Page is where a column of a block is.
type Page struct {
	in       *segment
	at, size int64
	sum      uint64
}

// write appends a page's bytes.
func (s *segment) write(b []byte) (*Page, error) {
	p := &Page{in: s, at: s.size, size: int64(len(b)), sum: xxhash.Sum64(b)}
	n, err := s.file.Write(b)
	s.size += int64(n)
	if err != nil {
		return nil, fmt.Errorf("columnar: %w", err)
	}
	return p, nil
}

// read gives the page's bytes as they were written.
func (p *Page) read() ([]byte, error) {
	b := make([]byte, p.size)
	if _, err := p.in.file.ReadAt(b, p.at); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if xxhash.Sum64(b) != p.sum {
		return nil, ErrDamaged
	}
	return b, nil
}

// Column decodes the page, or finds it decoded.
func (p *Page) Column() (*Column, error) {
	c := &p.in.space.cache
	if column := c.get(p); column != nil {
		return column, nil
	}
	b, err := p.read()
	if err != nil {
		return nil, err
	}
	column, err := decode(b)
	if err != nil {
		return nil, err
	}
	c.put(p, column, p.in.space.cacheBytes(), p.in.space.Memory)
	return column, nil
}
