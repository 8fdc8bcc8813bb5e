# What `cmake --install` leaves is enough for others: examples/tutorial.c builds against it through pkg-config and through
# find_package (with the shared and with the static library), and runs; so does the installed program.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$BUILD_DIR" --prefix "$prefix/usr" >"$prefix/log" || { cat "$prefix/log"; exit 1; }
installed=$prefix/usr
for file in bin/shortcut include/shortcut.h share/shortcut/mnist/train-images-idx3-ubyte.gz share/bash-completion/completions/shortcut; do
	[[ -s $installed/$file ]] || { echo "not installed: $file"; exit 1; }
done
library=$(dirname "$(find "$installed" -name libshortcut.a)")
export LD_LIBRARY_PATH=$library PKG_CONFIG_PATH=$library/pkgconfig SHORTCUT_DATA=$installed/share/shortcut

# No word of the source tree is needed from here on.
mkdir "$prefix/work"
cp "$SOURCE_DIR/examples/tutorial.c" "$SOURCE_DIR/tests/install/consumer/CMakeLists.txt" "$prefix/work"
cd "$prefix/work"

echo "pkg-config:"
read -ra flags <<<"$(pkg-config --cflags --libs shortcut)"
"$CC" -std=c17 -Wall -Wextra -Werror tutorial.c "${flags[@]}" -o tutorial
ldd ./tutorial | grep libshortcut.so.0 >/dev/null || { echo "the tutorial does not use libshortcut.so.0"; exit 1; }

echo "find_package:"
cmake -G Ninja -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$installed" >"$prefix/log" &&
	cmake --build build >>"$prefix/log" || { cat "$prefix/log"; exit 1; }
if ldd build/tutorial_static | grep libshortcut; then
	echo "tutorial_static was linked with the shared library"
	exit 1
fi

echo "They run:"
"$installed/bin/shortcut" --version
