package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/storage/version"
)

// JoinToken gives a token that lets nodes join the cluster of a data directory, whether or not a process uses that.
func JoinToken(dir string, end time.Time) (string, error) {
	d := &Dir{path: dir}
	text, err := os.ReadFile(d.File(Credentials))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s has no %s: nodes of its cluster join without a token", dir, Credentials)
	}
	if err != nil {
		return "", err
	}
	c, err := certs.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.File(Credentials), err)
	}
	return c.Authority.Token(end)
}

// Certify gives a stopped node of a cluster without certificates its own: from the authority in another member's directory,
// or from a new one where other is empty.
func Certify(dir, other string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	d, id, fresh, err := Open(dir, ^version.Version(0), "certify")
	if err != nil {
		return err
	}
	defer d.Close()
	if fresh {
		return fmt.Errorf("%s is not a node's directory", dir)
	}
	if _, err := os.Stat(d.File(Credentials)); err == nil {
		return fmt.Errorf("%s has a certificate already", dir)
	}
	a, err := authorityOf(other, id)
	if err != nil {
		return err
	}
	c, err := certs.Issued(a, id.Node)
	if err != nil {
		return err
	}
	text, err := c.AppendPEM(nil)
	if err != nil {
		return err
	}
	return d.Write(Credentials, text)
}

func authorityOf(dir string, id *Identity) (*certs.Authority, error) {
	if dir == "" {
		return certs.NewAuthority()
	}
	d := &Dir{path: dir}
	theirs, err := d.readIdentity()
	if err != nil {
		return nil, err
	}
	if theirs.Cluster != id.Cluster {
		return nil, fmt.Errorf("%s is of another cluster", dir)
	}
	text, err := os.ReadFile(d.File(Credentials))
	if err != nil {
		return nil, err
	}
	c, err := certs.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.File(Credentials), err)
	}
	return c.Authority, nil
}
