import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Input } from '../../src/graph/task.ts';
import { commandTask } from '../../src/kinds/command.ts';
import { recipes, specOf } from '../helpers/services-recipes.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

/** The OCI Runtime Specification's own JSON Schema is in Debian's package of it, and a validator beside it, in Go. */
const validator = `package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/xeipuuv/gojsonschema"
)

func main() {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewReferenceLoader("file://" + os.Args[1]))
	if err != nil {
		panic(err)
	}
	for _, file := range os.Args[2:] {
		path, _ := filepath.Abs(file)
		result, err := schema.Validate(gojsonschema.NewReferenceLoader("file://" + path))
		if err != nil {
			panic(err)
		}
		fmt.Println(filepath.Base(file), result.Valid(), result.Errors())
	}
}
`;

test("every config.json is valid by the runtime specification's own schema", async () => {
  const wrong = specOf('').replace('"path": "rootfs"', '"path": 1');
  const configs = Object.entries({
    ...Object.fromEntries(Object.entries(recipes).map(([name, recipe]) => [name, specOf(recipe)])),
    wrong,
  });
  const texts = configs.map(([name, text]): [string, Input] => [`configs/${name}`, { from: 'text', text }]);
  const { output } = await buildWith(['tools/go'], (provides) => {
    const task = commandTask({
      id: 'runtime-spec:validate',
      title: 'validate config.json',
      tools: toolsOf(provides('tools/go')),
      inputs: { 'main.go': { from: 'text', text: validator }, ...Object.fromEntries(texts) },
      outputs: { said: 'file' },
      ccache: true,
      script: `export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=/ccache/go GOFLAGS=-trimpath CGO_ENABLED=0
go run in/main.go /usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/config-schema.json in/configs/* > out/said
`,
    });
    return { tasks: [task], target: task.id };
  });
  const said = readFileSync(await output('runtime-spec:validate', 'said'), 'utf8')
    .trim()
    .split('\n');
  expect(said.filter((line) => !line.endsWith(' true []'))).toEqual([
    expect.stringMatching(/^wrong false \[root\.path: Invalid type\. Expected: string, given: integer\]$/),
  ]);
  expect(said).toHaveLength(configs.length);
});
