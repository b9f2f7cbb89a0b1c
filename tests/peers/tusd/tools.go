//go:build tools

// Package peers names the program that uploads are measured against.
package peers

import _ "github.com/tus/tusd/v2/cmd/tusd"
