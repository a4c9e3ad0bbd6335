package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// smallDisk is a file system of some MiB in memory, and how to fill it.
type smallDisk struct {
	t   *testing.T
	dir string
}

func newSmallDisk(t *testing.T, mib int) *smallDisk {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("cloudsql-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skip("file systems cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &smallDisk{t: t, dir: dir}
}

// leave fills the disk so far that so many MiB are free; what filled it before goes.
func (d *smallDisk) leave(mib int64) {
	d.t.Helper()
	name := filepath.Join(d.dir, "ballast")
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	f, err := os.Create(name)
	if err == nil {
		size := int64(s.Bavail)*s.Bsize - mib<<20 //nolint:gosec // of a small disk
		err = errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, max(size, 1)), f.Close())
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// empty takes away what filled the disk.
func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

func errorNumber(err error) uint16 {
	var from *mysql.MySQLError
	if errors.As(err, &from) {
		return from.Number
	}
	return 0
}

const errDiskFull = 1021

// TestSmallDisk: a node on a real file system that gets full. Below the reserve writes get 1021 and reads go on, room that
// was made is noticed; without the reserve the disk is filled to the last block, the process ends or waits, as it is a log or
// a table that has no room, and a start on the full disk is refused at once and in few words. Everything acknowledged is there when there is room.
func TestSmallDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process again and again")
	}
	disk := newSmallDisk(t, 384)
	n := harness.NewNode(t, "--disk-reserve-mb", "32")
	n.Dir = filepath.Join(disk.dir, "data")
	n.Start()
	db := n.DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.t (id INT PRIMARY KEY, s LONGTEXT)")
	tried, acked := 0, 0
	write := func(db *sql.DB) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := db.ExecContext(ctx, "INSERT INTO d.t VALUES (?, REPEAT('x', 100000))", tried)
		tried++
		if err == nil {
			acked++
		}
		return err
	}
	read := func(db *sql.DB) {
		t.Helper()
		var rows, whole int
		err := db.QueryRow("SELECT COUNT(*), SUM(LENGTH(s) = 100000) FROM d.t").Scan(&rows, &whole)
		if err != nil || rows < acked || whole != rows {
			t.Fatalf("%d of %d rows, %d whole, %v", rows, acked, whole, err)
		}
	}
	for range 10 {
		if err := write(db); err != nil {
			t.Fatal(err)
		}
	}

	disk.leave(24)
	harness.Eventually(t, 20*time.Second, "writes are refused", func() error {
		switch err := write(db); errorNumber(err) {
		case errDiskFull:
			return nil
		default:
			return fmt.Errorf("not yet: %w", err)
		}
	})
	read(db)
	if got := metric(t, n, "cloudsql_disk_full"); got != 1 {
		t.Errorf("cloudsql_disk_full is %v", got)
	}
	if got := metric(t, n, "cloudsql_disk_free_bytes"); got > 32<<20 {
		t.Errorf("cloudsql_disk_free_bytes is %v", got)
	}
	disk.empty()
	harness.Eventually(t, 20*time.Second, "writes are taken again", func() error { return write(db) })
	read(db)
	n.Stop()

	n.Args = []string{"--disk-reserve-mb", "0"}
	n.Start()
	db = n.DB("", "")
	disk.leave(20)
	for !n.Ended() {
		if err := write(db); errors.Is(err, context.DeadlineExceeded) { // what fills the disk is a table's file: it waits for room
			n.Kill()
		}
	}
	disk.leave(0)
	before := len(n.Log())
	if err := n.TryStart(30 * time.Second); err == nil || !n.Ended() {
		t.Fatalf("a start on the full disk: %v", err)
	}
	if said := n.Log()[before:]; !strings.Contains(said, "the disk is full") || strings.Count(said, "\n") > 100 {
		t.Errorf("it said, in %d lines: %.2000s", strings.Count(said, "\n"), said)
	}
	disk.empty()
	n.Start()
	db = n.DB("", "")
	read(db)
	if err := write(db); err != nil {
		t.Error(err)
	}
}
