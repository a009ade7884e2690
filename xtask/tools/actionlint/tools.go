//go:build tools

// Package tools pins what checks the workflows. Nothing here is part of a module.
package tools

import (
	_ "github.com/rhysd/actionlint/cmd/actionlint"
)
