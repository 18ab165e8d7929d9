// Rules for the report's script. Types, unknown names and names declared twice are the type checker's work.

const markup = "captured text must never be read as markup: use textContent and setAttribute";

export default [
  {
    files: ["analyzer/report/assets/js/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: "script",
      parserOptions: { ecmaFeatures: { impliedStrict: true } },
    },
    rules: {
      // nothing becomes script or markup
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc", "createContextualFragment"].map(
          (property) => ({ property, message: markup }),
        ),
        { object: "document", property: "write", message: markup },
        { object: "document", property: "writeln", message: markup },
      ],
      "no-restricted-globals": ["error", "DOMParser", "eval", "event", "fetch", "name", "status", "XMLHttpRequest"],
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.name='say'] > :not(Literal):first-child", message: "say needs a literal" },
      ],
      // one way to write it
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      // mistakes
      "array-callback-return": "error",
      "consistent-return": "off",
      "default-case-last": "error",
      "no-alert": "error",
      "no-await-in-loop": "off",
      "no-cond-assign": "error",
      "no-console": "error",
      "no-constant-condition": "error",
      "no-control-regex": "off",
      "no-debugger": "error",
      "no-dupe-else-if": "error",
      "no-dupe-keys": "error",
      "no-duplicate-case": "error",
      "no-empty": "error",
      "no-fallthrough": "error",
      "no-loop-func": "error",
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-self-assign": "error",
      "no-self-compare": "error",
      "no-shadow-restricted-names": "error",
      "no-sparse-arrays": "error",
      "no-throw-literal": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-unsafe-optional-chaining": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": ["error", { vars: "local", args: "after-used" }], // other parts use what stands outside
      "no-use-before-define": "off",
      "no-useless-escape": "error",
      "use-isnan": "error",
      "valid-typeof": "error",
    },
  },
];
