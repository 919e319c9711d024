# Thin over scripts/, so that a machine without make is served too.
.PHONY: demo test check build install fmt fuzz bench model
demo:    ; @scripts/demo
test:    ; @scripts/test
check:   ; @scripts/check
build:   ; @scripts/build
install: ; @scripts/install
fmt:     ; @scripts/fmt
fuzz:    ; @scripts/fuzz
bench:   ; @scripts/bench
model:   ; @scripts/model
