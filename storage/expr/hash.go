package expr

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Digests, compression and encryption.

var hashDefs = []def{
	{name: "md5", min: 1, max: 1, typ: typeASCII(32), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		h := md5.Sum(c.text(0, a))
		return hexStr(c, h[:]), nil
	}},
	{name: "sha1", alias: []string{"sha"}, min: 1, max: 1, typ: typeASCII(40), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		h := sha1.Sum(c.text(0, a))
		return hexStr(c, h[:]), nil
	}},
	{name: "sha2", min: 2, max: 2, typ: typeASCII(128), f2: sha2},
	{name: "crc32", min: 1, max: 1, typ: func(c *Call) error { c.typ = intType(10, true); return nil },
		f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
			return types.Uint(uint64(crc32.ChecksumIEEE(c.text(0, a)))), nil
		}},
	{name: "compress", min: 1, max: 1, typ: typeBytesOf(func(n int) int { return n*120/100 + 12 }), f1: compress},
	{name: "uncompress", min: 1, max: 1, typ: typeBytesOf(func(int) int { return maxBlobWidth }), f1: uncompress},
	{name: "uncompressed_length", min: 1, max: 1, typ: typeIntLen(10), f1: uncompressedLength},
	{name: "aes_encrypt", min: 2, max: 2, typ: typeBytesOf(func(n int) int { return (n/16 + 1) * 16 }), f2: aesEncrypt},
	{name: "aes_decrypt", min: 2, max: 2, typ: typeBytesOf(func(n int) int { return n }), f2: aesDecrypt},
}

func hexStr(c *Call, b []byte) types.Value { return c.str([]byte(hex.EncodeToString(b))) }

func sha2(c *Call, env *Env, a, bits types.Value) (types.Value, error) {
	s := c.text(0, a)
	n, _ := bits.ToInt(env.Warn)
	switch n {
	case 224:
		h := sha256.Sum224(s)
		return hexStr(c, h[:]), nil
	case 0, 256:
		h := sha256.Sum256(s)
		return hexStr(c, h[:]), nil
	case 384:
		h := sha512.Sum384(s)
		return hexStr(c, h[:]), nil
	case 512:
		h := sha512.Sum512(s)
		return hexStr(c, h[:]), nil
	}
	env.warn(mysqlerr.WrongParametersToNativeFct, "sha2")
	return types.Null, nil
}

// compressHeader is the length of the uncompressed length, little-endian, before the zlib stream.
const compressHeader = 4

func compress(c *Call, _ *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if len(s) == 0 {
		return types.Bytes([]byte{}), nil
	}
	var out bytes.Buffer
	var n [compressHeader]byte
	binary.LittleEndian.PutUint32(n[:], uint32(len(s)))
	out.Write(n[:])
	w := zlib.NewWriter(&out)
	if _, err := w.Write(s); err != nil {
		return types.Null, err
	}
	if err := w.Close(); err != nil {
		return types.Null, err
	}
	b := out.Bytes()
	if b[len(b)-1] == ' ' { // a CHAR column would cut it off
		b = append(b, '.')
	}
	return types.Bytes(b), nil
}

func uncompress(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if len(s) == 0 {
		return types.Bytes([]byte{}), nil
	}
	if len(s) <= compressHeader {
		env.warnf(mysqlerr.ZlibZData, "ZLIB: Input data corrupted")
		return types.Null, nil
	}
	size := binary.LittleEndian.Uint32(s) & 0x3fffffff
	if int(size) > env.maxPacket() {
		env.warnf(mysqlerr.TooBigForUncompress, "Uncompressed data size too large; the maximum size is %d (probably, length of uncompressed data was corrupted)", env.maxPacket())
		return types.Null, nil
	}
	room, err := env.Memory.Room(2 * int(size))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	r, err := zlib.NewReader(bytes.NewReader(s[compressHeader:]))
	if err == nil {
		var out []byte
		if out, err = io.ReadAll(io.LimitReader(r, int64(size)+1)); err == nil && len(out) <= int(size) {
			return types.Bytes(out), nil
		}
	}
	env.warnf(mysqlerr.ZlibZData, "ZLIB: Input data corrupted")
	return types.Null, nil
}

func uncompressedLength(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if len(s) == 0 {
		return types.Int(0), nil
	}
	if len(s) <= compressHeader {
		env.warnf(mysqlerr.ZlibZData, "ZLIB: Input data corrupted")
		return types.Int(0), nil
	}
	return types.Int(int64(binary.LittleEndian.Uint32(s) & 0x3fffffff)), nil
}
