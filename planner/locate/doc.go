// Package locate finds where rows are: their keys, from conditions or from their values, and the tablets that have them.
package locate
