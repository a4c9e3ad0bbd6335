// Package calls is what the SQL layers of nodes ask each other: calls that have a name and take and give bytes.
package calls
