// Package mvcc keeps several versions of a key, newest first, and reads them at a timestamp.
package mvcc
