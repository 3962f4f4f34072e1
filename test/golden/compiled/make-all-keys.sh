# inputs: source sysroots/0 files
# outputs: layer sysroot
umask 022
STAGE=$PWD/stage SYSROOT=$PWD/sysroot
mkdir "$STAGE" "$SYSROOT"
for tree in in/sysroots/*; do [ ! -d "$tree" ] || cp -r "$tree/." "$SYSROOT/"; done
export CC=aarch64-linux-gnu-gcc
export CXX=aarch64-linux-gnu-g++
export AR=aarch64-linux-gnu-gcc-ar
export LD=aarch64-linux-gnu-ld
export NM=aarch64-linux-gnu-gcc-nm
export OBJCOPY=aarch64-linux-gnu-objcopy
export RANLIB=aarch64-linux-gnu-gcc-ranlib
export STRIP=aarch64-linux-gnu-strip
export CFLAGS=-Os
export CXXFLAGS='-O2 -fstack-protector-strong'
export CPPFLAGS='-D_FORTIFY_SOURCE=2 -I'"$SYSROOT"/include
export LDFLAGS='-Wl,-z,relro -Wl,-z,now -L'"$SYSROOT"/lib
export PKG_CONFIG_LIBDIR="$SYSROOT"/lib/pkgconfig
export WHERE="$SYSROOT"'/include:it'\''s 5$'
mkdir -p src && zstd -dcq in/source | tar -x -C src
cd src
make CC=my-gcc CXX=aarch64-linux-gnu-g++ AR=aarch64-linux-gnu-gcc-ar LD=aarch64-linux-gnu-ld NM=aarch64-linux-gnu-gcc-nm OBJCOPY=aarch64-linux-gnu-objcopy RANLIB=aarch64-linux-gnu-gcc-ranlib STRIP=aarch64-linux-gnu-strip PREFIX="$STAGE"/usr all 'extra tool'
make CC=my-gcc CXX=aarch64-linux-gnu-g++ AR=aarch64-linux-gnu-gcc-ar LD=aarch64-linux-gnu-ld NM=aarch64-linux-gnu-gcc-nm OBJCOPY=aarch64-linux-gnu-objcopy RANLIB=aarch64-linux-gnu-gcc-ranlib STRIP=aarch64-linux-gnu-strip PREFIX="$STAGE"/usr DESTDIR="$STAGE" install-strip
cd ..
mkdir -p out/sysroot/include out/sysroot/lib
[ ! -d stage/usr/include ] || cp -r stage/usr/include/. out/sysroot/include/
[ ! -d stage/usr/lib ] || find stage/usr/lib '(' -name '*.a' -o -name '*.so*' ')' -exec cp -P {} out/sysroot/lib/ ';'
[ ! -d stage/usr/lib/pkgconfig ] || cp -r stage/usr/lib/pkgconfig out/sysroot/lib/
leave() {
  local glob=$1; shift
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then echo "nothing that is installed matches '$glob'" >&2; exit 1; fi
  rm -rf -- "$@"
}
leave 'usr/bin/*.pl' stage/usr/bin/*.pl
leave 'usr/share/a file' stage/usr/share/a\ file
rm -rf stage/usr/share/bug stage/usr/share/doc stage/usr/share/doc-base stage/usr/share/info stage/usr/share/lintian stage/usr/share/locale stage/usr/share/man stage/usr/include stage/usr/lib/*.a stage/usr/lib/*.la stage/usr/lib/pkgconfig stage/usr/share/pkgconfig
tar -C in/files --mode=u=rwX,go=rX -c . | tar -C stage -x --no-same-owner
tar --sort=name --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner -C stage -cf out/layer .
