// libFuzzer brings main, FuzzEntry what it calls. Between them stands what makes them faster.
//
// Swift's -sanitize=fuzzer traces every comparison. For packets libFuzzer learns from it which number a decoder waits for;
// for configurations words come from the mutator, and tracing costs half of the speed. The linker (--wrap) leads each call
// through here. The calls are tail calls: libFuzzer wants to know who called.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int traced = 1;

__attribute__((constructor)) static void choose(void) {
    const char *target = getenv("ALOFT_FUZZ_TARGET");
    traced = !target || (strcmp(target, "configuration") != 0 && strcmp(target, "language") != 0);
}

#define COMPARISON(name, type)                             \
    void __real___sanitizer_cov_trace_##name(type, type);  \
    void __wrap___sanitizer_cov_trace_##name(type a, type b); \
    void __wrap___sanitizer_cov_trace_##name(type a, type b) { \
        if (traced) __real___sanitizer_cov_trace_##name(a, b); \
    }

COMPARISON(cmp1, uint8_t)
COMPARISON(cmp2, uint16_t)
COMPARISON(cmp4, uint32_t)
COMPARISON(cmp8, uint64_t)
COMPARISON(const_cmp1, uint8_t)
COMPARISON(const_cmp2, uint16_t)
COMPARISON(const_cmp4, uint32_t)
COMPARISON(const_cmp8, uint64_t)

void __real___sanitizer_cov_trace_switch(uint64_t, uint64_t *);
void __wrap___sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases);
void __wrap___sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases) {
    if (traced) __real___sanitizer_cov_trace_switch(value, cases);
}
