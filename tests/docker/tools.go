//go:build tools

// Package tools pins the programs that the docker tier builds from source where they are not installed.
package tools

import (
	_ "github.com/docker/compose/v5/cmd"
)
