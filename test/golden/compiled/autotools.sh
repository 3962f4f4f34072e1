# inputs: source sysroots/0
# outputs: layer
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
export CFLAGS='-O2 -fstack-protector-strong'
export CXXFLAGS='-O2 -fstack-protector-strong'
export CPPFLAGS='-D_FORTIFY_SOURCE=2 -I'"$SYSROOT"/include
export LDFLAGS='-Wl,-z,relro -Wl,-z,now -L'"$SYSROOT"/lib
export PKG_CONFIG_LIBDIR="$SYSROOT"/lib/pkgconfig
mkdir -p src && zstd -dcq in/source | tar -x -C src
cd src
./configure \
  --build=x86_64-linux-gnu \
  --host=aarch64-linux-gnu \
  --prefix=/usr \
  --sysconfdir=/etc \
  --localstatedir=/var \
  --disable-nls \
  --with-one="$SYSROOT"
make PROGRAMS='one two'
make PROGRAMS='one two' DESTDIR="$STAGE" install
cd ..
rm -rf stage/usr/share/bug stage/usr/share/doc stage/usr/share/doc-base stage/usr/share/info stage/usr/share/lintian stage/usr/share/locale stage/usr/share/man stage/usr/include stage/usr/lib/*.a stage/usr/lib/*.la stage/usr/lib/pkgconfig stage/usr/share/pkgconfig
find stage -type f | while IFS= read -r file; do
  if cmp -s -n 4 "$file" <(printf '\x7fELF'); then "$STRIP" --strip-unneeded "$file"; fi
done
tar --sort=name --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner -C stage -cf out/layer .
