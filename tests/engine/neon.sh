# The kernels for 64-bit ARM equal the reference, bit by bit; skipped where there is no cross-compiler or no qemu. A slow test.
NEON_BUILD=$BUILD_DIR/neon "$SOURCE_DIR/scripts/neon" odd.txt
