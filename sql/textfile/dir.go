package textfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"cloudsql/storage/mysqlerr"
)

// Dir is secure_file_priv: the directory of the files; none where it is empty.
type Dir string

// root opens the directory with a file's name in it. 1290.
func (d Dir) root(name string) (root *os.Root, rel string, err error) {
	dir := string(d)
	refused := mysqlerr.New(mysqlerr.OptionPreventsStatement, "--secure-file-priv")
	if dir == "" || strings.IndexByte(name, 0) >= 0 {
		return nil, "", refused
	}
	rel = filepath.Clean(name)
	if filepath.IsAbs(rel) {
		if rel, err = filepath.Rel(filepath.Clean(dir), rel); err != nil {
			return nil, "", refused
		}
	}
	if !filepath.IsLocal(rel) {
		return nil, "", refused
	}
	if root, err = os.OpenRoot(dir); err != nil {
		return nil, "", fileError(mysqlerr.Stat, dir, err)
	}
	return root, rel, nil
}

// Open opens a regular file for reading. 1290, 13, 29, 1085.
func (d Dir) Open(name string) (*os.File, error) {
	root, rel, err := d.root(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(rel)
	switch {
	case err != nil:
		return nil, fileError(mysqlerr.Stat, name, err)
	case !info.Mode().IsRegular():
		return nil, mysqlerr.New(mysqlerr.TextfileNotReadable, name)
	}
	f, err := root.Open(rel)
	if err != nil {
		return nil, fileError(mysqlerr.FileNotFound, name, err)
	}
	return f, nil
}

// create makes a file that must not exist. finish ends its use, with or without the file. 1290, 1086, 1.
func (d Dir) create(name string) (f *os.File, finish func(remove bool) error, err error) {
	root, rel, err := d.root(name)
	if err != nil {
		return nil, nil, err
	}
	f, err = root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = mysqlerr.New(mysqlerr.FileExists, name)
	case err != nil:
		err = fileError(mysqlerr.FileNotCreated, name, err)
	}
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return f, func(remove bool) error {
		if remove {
			return errors.Join(root.Remove(rel), root.Close())
		}
		return root.Close()
	}, nil
}

// fileError is what MySQL says of a file that the system does not give. What the system says beyond a number stays here.
func fileError(code uint16, name string, err error) error {
	var number syscall.Errno
	if !errors.As(err, &number) {
		number = syscall.EACCES // a link that leads out of the directory
	}
	text := number.Error()
	return mysqlerr.New(code, name, int(number), strings.ToUpper(text[:1])+text[1:])
}

// Content gives a file in memory that make has made; ok is false where it can't be read, or is larger than most bytes.
func (d Dir) Content(name string, most int, make func(n int) ([]byte, error)) (content []byte, ok bool) {
	f, err := d.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() > int64(most) {
		return nil, false
	}
	if content, err = make(int(info.Size())); err != nil {
		return nil, false
	}
	n, err := io.ReadFull(f, content[:info.Size()])
	return content[:n], err == nil
}
