package expr

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"slices"
	"strconv"
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// AES_ENCRYPT and AES_DECRYPT in the modes of block_encryption_mode.

// DefaultBlockMode is MySQL's block_encryption_mode.
const DefaultBlockMode = "aes-128-ecb"

// BlockModes are the values of block_encryption_mode, in the order of their numbers.
var BlockModes = func() (list []string) {
	for _, mode := range []string{"ecb", "cbc", "cfb1", "cfb8", "cfb128", "ofb"} {
		for _, bits := range []string{"128", "192", "256"} {
			list = append(list, "aes-"+bits+"-"+mode)
		}
	}
	return list
}()

// inMode are the functions that follow block_encryption_mode, and what they are with a mode, or a vector, that is written down.
var inMode = map[string]string{"aes_encrypt": "aes_encrypt in", "aes_decrypt": "aes_decrypt in"}

// aesDefs take the mode as their third argument, and the initialization vector as the fourth.
var aesDefs = []def{
	{name: "aes_encrypt in", min: 3, max: 4, class: NeedsSession, since: version.V2, typ: typeBytesOf(func(n int) int { return (n/16 + 1) * 16 }),
		render: renderInMode, lax: inBlockMode(blockMode.encrypt)},
	{name: "aes_decrypt in", min: 3, max: 4, class: NeedsSession, since: version.V2, typ: typeBytesOf(func(n int) int { return n }),
		render: renderInMode, lax: inBlockMode(blockMode.decrypt)},
}

// newInMode builds a call in the session's mode. 1582 for a vector that is missing, or what else is wrong with the arguments.
func newInMode(name, mode string, args []Expr) (Expr, error) {
	if len(args) < 2 || len(args) > 3 || len(args) == 2 && !strings.HasSuffix(mode, "ecb") {
		return nil, mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, name)
	}
	list := []Expr{args[0], args[1], NewStr(mode)}
	return New(inMode[name], append(list, args[2:]...)...)
}

func renderInMode(c *Call) string {
	name, _, _ := strings.Cut(c.name, " ")
	args := []string{c.args[0].String(), c.args[1].String()}
	if len(c.args) > 3 {
		args = append(args, c.args[3].String())
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// inBlockMode evaluates a call: NULL for a NULL text or key. 1618 for a vector that the mode has no use for, 1882 for one that is too short.
func inBlockMode(fn func(m blockMode, text []byte) ([]byte, bool)) func(c *Call, env *Env, a []types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		if a[0].IsNull() || a[1].IsNull() || a[2].IsNull() {
			return types.Null, nil
		}
		name := string(c.text(2, a[2]))
		bits, mode, _ := strings.Cut(strings.TrimPrefix(name, "aes-"), "-")
		if !slices.Contains(BlockModes, name) || len(a) < 4 && mode != "ecb" {
			return types.Null, nil // newInMode makes no such call
		}
		m := blockMode{name: mode}
		size, err := strconv.Atoi(bits)
		if err == nil {
			m.block, err = aes.NewCipher(aesKey(c.text(1, a[1]), size/8))
		}
		if err != nil {
			return types.Null, mysqlerr.From(err)
		}
		switch {
		case len(a) < 4:
		case mode == "ecb":
			env.warn(mysqlerr.OptionIgnored, "IV")
		default:
			if !a[3].IsNull() {
				m.iv = c.text(3, a[3])
			}
			if len(m.iv) < aes.BlockSize {
				name, _, _ := strings.Cut(c.name, " ")
				return types.Null, mysqlerr.New(mysqlerr.AESInvalidIV, name, aes.BlockSize)
			}
			m.iv = m.iv[:aes.BlockSize]
		}
		out, ok := fn(m, c.text(0, a[0]))
		if !ok {
			return types.Null, nil
		}
		return types.Bytes(out), nil
	}
}

// blockMode is a cipher in one of the modes.
type blockMode struct {
	name  string
	block cipher.Block
	iv    []byte
}

func (m blockMode) encrypt(text []byte) ([]byte, bool) {
	switch m.name {
	case "ecb":
		out := padded(text)
		for i := 0; i < len(out); i += aes.BlockSize {
			m.block.Encrypt(out[i:i+aes.BlockSize], out[i:i+aes.BlockSize])
		}
		return out, true
	case "cbc":
		out := padded(text)
		cipher.NewCBCEncrypter(m.block, m.iv).CryptBlocks(out, out)
		return out, true
	}
	return m.stream(text, true), true
}

func (m blockMode) decrypt(text []byte) ([]byte, bool) {
	if m.name != "ecb" && m.name != "cbc" {
		return m.stream(text, false), true
	}
	if len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, false
	}
	out := make([]byte, len(text))
	if m.name == "cbc" {
		cipher.NewCBCDecrypter(m.block, m.iv).CryptBlocks(out, text)
		return unpadded(out)
	}
	for i := 0; i < len(text); i += aes.BlockSize {
		m.block.Decrypt(out[i:i+aes.BlockSize], text[i:i+aes.BlockSize])
	}
	return unpadded(out)
}

// stream is text in one of the modes that need no whole blocks. The register is encrypted for each unit of the text, which takes that many
// bits of the result; then it moves on: by the unit of what was encrypted, or in OFB by its own result.
func (m blockMode) stream(text []byte, encrypt bool) []byte {
	register, pad, out := bytes.Clone(m.iv), make([]byte, aes.BlockSize), make([]byte, len(text))
	switch m.name {
	case "ofb", "cfb128":
		for i := range text {
			at := i % aes.BlockSize
			if at == 0 {
				m.block.Encrypt(pad, register)
			}
			out[i] = text[i] ^ pad[at]
			switch {
			case m.name == "ofb":
				register[at] = pad[at]
			case encrypt:
				register[at] = out[i]
			default:
				register[at] = text[i]
			}
		}
	case "cfb8":
		for i := range text {
			m.block.Encrypt(pad, register)
			out[i] = text[i] ^ pad[0]
			next := text[i]
			if encrypt {
				next = out[i]
			}
			register = append(register[1:], next)
		}
	case "cfb1":
		for i := range 8 * len(text) {
			m.block.Encrypt(pad, register)
			shift := 7 - i%8
			in := text[i/8] >> shift & 1
			bit := in ^ pad[0]>>7
			out[i/8] |= bit << shift
			if encrypt {
				in = bit
			}
			shiftIn(register, in)
		}
	}
	return out
}

// shiftIn moves a register to the left by one bit, which becomes the last one.
func shiftIn(register []byte, bit byte) {
	for i := len(register) - 1; i >= 0; i-- {
		out := register[i] >> 7
		register[i] = register[i]<<1 | bit
		bit = out
	}
}

// aesKey folds a key of any length into one of the cipher's size.
func aesKey(k []byte, size int) []byte {
	key := make([]byte, size)
	for i, b := range k {
		key[i%size] ^= b
	}
	return key
}

// padded is text in whole blocks: as many bytes more as the last of them says (PKCS7).
func padded(text []byte) []byte {
	n := aes.BlockSize - len(text)%aes.BlockSize
	return append(append(make([]byte, 0, len(text)+n), text...), bytes.Repeat([]byte{byte(n)}, n)...)
}

// unpadded takes that away; false where it is not there.
func unpadded(out []byte) ([]byte, bool) {
	n := int(out[len(out)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(out[len(out)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, false
	}
	return out[:len(out)-n], true
}

func aesEncrypt(c *Call, _ *Env, a, k types.Value) (types.Value, error) {
	block, err := aes.NewCipher(aesKey(c.text(1, k), aes.BlockSize))
	if err != nil {
		return types.Null, mysqlerr.From(err)
	}
	out, _ := blockMode{name: "ecb", block: block}.encrypt(c.text(0, a))
	return types.Bytes(out), nil
}

func aesDecrypt(c *Call, _ *Env, a, k types.Value) (types.Value, error) {
	block, err := aes.NewCipher(aesKey(c.text(1, k), aes.BlockSize))
	if err != nil {
		return types.Null, mysqlerr.From(err)
	}
	out, ok := blockMode{name: "ecb", block: block}.decrypt(c.text(0, a))
	if !ok {
		return types.Null, nil
	}
	return types.Bytes(out), nil
}
