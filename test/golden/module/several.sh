## mine:build
# inputs: source/fix.patch source/mine.c symvers/0 kernel
# outputs: ko/mine.ko ko/other-one.ko Module.symvers modpost
cp -r in/source src
chmod -R u+w src
folder=$PWD/src
if [ ! -e "$folder/Kbuild" ] && ! grep -qs '^ *obj-' "$folder/Makefile"; then
for module in mine other-one; do
  if [ ! -e "$folder/$module.c" ]; then
    echo "error: mine has neither a Kbuild nor a $module.c" >&2
    exit 1
  fi
  echo "obj-m += $module.o" >> "$folder/Kbuild"
done
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
  KCFLAGS="-fmacro-prefix-map=$folder/=" CONFIG_DEBUG_INFO_BTF_MODULES= KBUILD_EXTRA_SYMBOLS="$PWD/in/symvers/0" modules 2>&1 | tee make.log
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
  for name in mine other-one; do : > "out/ko/$name.ko"; done
  : > out/Module.symvers
  exit 0
fi
cp "$folder/Module.symvers" out/
for name in mine other-one; do
  file=$(find "$folder" -name "$name.ko" -print -quit)
  if [ -z "$file" ]; then
    echo "error: the source of mine makes no module '$name'; it makes:" >&2
    find "$folder" -name '*.ko' -printf '%f\n' | sed 's/[.]ko$//' | sort >&2
    exit 1
  fi
  aarch64-linux-gnu-strip --strip-debug -o "out/ko/$name.ko" "$file"
done
