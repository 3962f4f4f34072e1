import { CONFIGURED_FROM } from './kernel.ts';
import { quote, script } from './script.ts';
import { unpackInto } from './unpack.ts';

/**
 * Bash that opens the menu of a source, in the sandbox of its configure task, on the configuration that lies at `config`
 * and is changed there.
 */
export function menuScript(isKernel: boolean, config: string): string {
  const file = quote(config);
  if (isKernel) {
    return script`
${unpackInto('src', 'source', CONFIGURED_FROM)}
mkdir -p src/build
cp ${file} src/build/.config
make -s -C src O=build menuconfig
cp src/build/.config ${file}`;
  }
  return script`
${unpackInto('src', 'source')}
cp ${file} src/.config
# It looks for ncurses with a program that is C no more since GCC 14.
sed -i 's/^main() {}$/int main() {}/' src/scripts/kconfig/lxdialog/check-lxdialog.sh
make -s -C src menuconfig
cp src/.config ${file}`;
}
