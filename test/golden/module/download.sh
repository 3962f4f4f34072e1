## mine:build
# inputs: source kernel
# outputs: ko/mine.ko Module.symvers modpost
mkdir -p src && zstd -dcq in/source | tar -x -C src
chmod -R u+w src
folder=$PWD/src
if [ ! -e "$folder/Kbuild" ] && ! grep -qs '^ *obj-' "$folder/Makefile"; then
sources=$(cd "$folder"; ls *.c)
if [ "$sources" = mine.c ]; then
  echo 'obj-m := mine.o' > "$folder/Kbuild"
elif [ -e "$folder"/mine.c ]; then
  echo 'error: mine has mine.c and other .c files, but no Kbuild that says what each belongs to' >&2
  echo 'for instance: obj-m := mine.o other.o' >&2
  exit 1
else
  { echo 'obj-m := mine.o'; echo 'mine-y :=' $(sed 's/c$/o/' <<< "$sources"); } > "$folder/Kbuild"
fi
fi
CCACHE=
if [ -w /ccache ]; then
  CCACHE=ccache
  tools=$(for compiler in gcc aarch64-linux-gnu-gcc; do
    type -P "$compiler"
    for program in cc1 as; do type -P "$("$compiler" -print-prog-name="$program")"; done
  done)
  CCACHE_COMPILERCHECK="string:$(sha256sum $tools | sha256sum)"
  export CCACHE_COMPILERCHECK CCACHE_DIR=/ccache
fi
# A module then says chip.c where it warns, and not where it was built. BTF takes pahole, and modules load without it.
if ! make -C in/kernel M="$folder" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC="$CCACHE aarch64-linux-gnu-gcc" \
  KCFLAGS="-fmacro-prefix-map=$folder/=" CONFIG_DEBUG_INFO_BTF_MODULES= modules 2>&1 | tee make.log
then
  if ! grep -q '^ERROR: modpost: ' make.log; then
    echo 'error: mine does not compile' >&2
    { grep -E ':[0-9]+: (fatal )?error: ' make.log || grep -v -E '^make|^  [A-Z]' make.log | tail -n 5; } | head -n 5 | sed "s|^$folder/||" >&2 || true
    exit 1
  fi
fi
mkdir -p out/ko
sed -n -E '/^(ERROR|WARNING): modpost: /p' make.log > out/modpost
if grep -q '^ERROR: ' out/modpost; then
  for name in mine; do : > "out/ko/$name.ko"; done
  : > out/Module.symvers
  exit 0
fi
cp "$folder/Module.symvers" out/
for name in mine; do
  file=$(find "$folder" -name "$name.ko" -print -quit)
  if [ -z "$file" ]; then
    echo "error: the source of mine makes no module '$name'; it makes:" >&2
    find "$folder" -name '*.ko' -printf '%f\n' | sed 's/[.]ko$//' | sort >&2
    exit 1
  fi
  aarch64-linux-gnu-strip --strip-debug -o "out/ko/$name.ko" "$file"
done
