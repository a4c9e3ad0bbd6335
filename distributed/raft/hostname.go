package raft

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// dragonboat keeps its log under a folder named after the machine and refuses to open it under another name. A database
// directory may well move to another machine or container, so the folder and the note of it are renamed first.

const flagFile = "dragonboat.ds"

// adoptHostname makes the directories usable on this machine.
func adoptHostname(dirs ...string) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("raft: %w", err)
	}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if err := adopt(dir, host); err != nil {
			return fmt.Errorf("raft: adopting %s: %w", dir, err)
		}
	}
	return nil
}

func adopt(dir, host string) error {
	path := filepath.Join(dir, flagFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	status, err := decodeFlag(data)
	if err != nil {
		return err
	}
	old := status.Hostname
	if old == "" || old == host {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, host)); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(filepath.Join(dir, old), filepath.Join(dir, host)); err != nil {
			return err
		}
	}
	status.Hostname = host
	tmp := path + ".new"
	if err := os.WriteFile(tmp, encodeFlag(status), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// decodeFlag reads dragonboat's note: the second half of the MD5 of what follows, then the status as protobuf.
func decodeFlag(data []byte) (*pb.RaftDataStatus, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%w: %s", ErrDamagedLog, flagFile)
	}
	sum := md5.Sum(data[8:])
	var s pb.RaftDataStatus
	if !bytes.Equal(sum[8:], data[:8]) {
		return nil, fmt.Errorf("%w: %s", ErrDamagedLog, flagFile)
	}
	if err := s.Unmarshal(data[8:]); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamagedLog, flagFile, err)
	}
	return &s, nil
}

func encodeFlag(s *pb.RaftDataStatus) []byte {
	body := pb.MustMarshal(s)
	sum := md5.Sum(body)
	return append(sum[8:], body...)
}
