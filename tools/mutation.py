"""Makes mutants: a module's source with one small change. Pure.

The operators: comparisons (each other sensible one), `and` for `or` and the reverse, one operand of these left out,
`not` left out, a condition negated, either branch of a conditional expression for the whole, `+` for `-` and the
like, numbers one more and one less, other texts, the other of True and False, `min` for `max`, `any` for `all`,
`reversed`, `sorted`, `tuple` and `list` left out, an element of a tuple or list left out, a keyword argument or the
last of the others left out, a bound of a slice left out, a condition of a comprehension left out, None returned, a
call or an update whose result nobody uses left out, `continue` and `break` left out. Annotations, decorators and
docstrings stay as they are.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
FUNCTIONS = {"max": "min", "min": "max", "any": "all", "all": "any"}
PASSED_THROUGH = ("reversed", "sorted", "tuple", "list")
UNCHANGED = ("annotation", "returns", "decorator_list", "bases", "keywords_of_class")

Place = tuple[tuple[str, int | None], ...]
"""The way to a node: fields, and places in those that are lists."""


@dataclass(frozen=True)
class Mutant:
    """One change. `name` is the same as long as the function has the same text there."""

    module: str
    name: str
    line: int
    place: Place
    new: ast.AST | None
    """What is put there; None: nothing."""
    function: str
    """The outermost function, or method of a class, whose body has the change; empty when there is none."""

    def tree(self, source: str) -> ast.Module:
        """The whole module with the change."""
        return replaced(ast.parse(source), self.place, self.new)


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for path, inside in places(tree):
        node = at(tree, path)
        for new in variants(node):
            before, after = said(node), said(new)
            if before == after:
                continue
            text = f"{module}.{inside}: {short(before)} -> {short(after)}"
            seen[text] += 1
            name = text if seen[text] == 1 else f"{text} #{seen[text]}"
            yield Mutant(module, name, getattr(node, "lineno", 0), path, new, body_of(tree, path))


def said(node: ast.AST | None) -> str:
    """A node in one line; of a branch its condition."""
    if node is None:
        return "(nothing)"
    text = f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)
    return " ".join(text.split())


def short(text: str) -> str:
    """Enough of an expression to find it."""
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"


# --- places -----------------------------------------------------------------------------------------------------------


def places(tree: ast.Module) -> Iterator[tuple[Place, str]]:
    """The way to every node that may be changed, and the function it is in."""

    def walk(node: ast.AST, path: Place, function: str) -> Iterator[tuple[Place, str]]:
        for field, value in ast.iter_fields(node):
            if field in UNCHANGED:
                continue
            children = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, child in children:
                if not isinstance(child, ast.AST) or is_docstring(child) or is_literal_type(child):
                    continue
                inner = function
                if isinstance(child, ast.FunctionDef | ast.ClassDef):
                    inner = f"{function}.{child.name}".lstrip(".")
                here = (*path, (field, index))
                yield here, inner
                yield from walk(child, here, inner)

    yield from walk(tree, (), "")


def is_docstring(node: ast.AST) -> bool:
    """Of a function or a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_literal_type(node: ast.AST) -> bool:
    """Whether it is `Literal[...]`, which says something to the type checker only."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"


def at(tree: ast.AST, path: Place) -> ast.AST:
    """The node at the end of a path."""
    node = tree
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def body_of(tree: ast.AST, path: Place) -> str:
    """The qualified name of the outermost function on the way, if the way goes through its body."""
    names: list[str] = []
    node = tree
    for number, step in enumerate(path):
        node = at(node, (step,))
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.append(node.name)
        if isinstance(node, ast.FunctionDef):
            inside = number + 1 < len(path) and path[number + 1][0] == "body"
            return ".".join(names) if inside else ""
    return ""


def replaced(tree: ast.Module, path: Place, new: ast.AST | None) -> ast.Module:
    """The module with another node at the end of a path; None takes it away."""
    *way, (field, index) = path
    parent = at(tree, tuple(way))
    if index is None:
        setattr(parent, field, new)
    else:
        siblings = getattr(parent, field)
        siblings[index : index + 1] = [new] if new is not None else []
    return ast.fix_missing_locations(tree)


# --- variants ---------------------------------------------------------------------------------------------------------


def variants(node: ast.AST) -> Iterator[ast.AST | None]:
    """What a node is changed to; None: it is left out."""
    match node:
        case ast.expr():
            yield from expressions(node)
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.AugAssign(op=op):
            yield ast.Pass()
            if type(op) in OPERATORS:
                yield changed(node, op=OPERATORS[type(op)]())
        case ast.If(test=test) if not says_its_contrary(test):
            yield changed(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[_, *_]):
            yield changed(node, ifs=node.ifs[1:])
        case ast.keyword(arg=str()):
            yield None


def says_its_contrary(test: ast.expr) -> bool:
    """Whether negating a condition is one of the changes of the expression itself."""
    single = isinstance(test, ast.Compare) and len(test.ops) == 1
    return single or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not))


def expressions(node: ast.expr) -> Iterator[ast.AST]:  # noqa: C901 - one branch a kind of node
    """What an expression is changed to."""
    match node:
        case ast.Compare(ops=ops):
            for number, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield changed(node, ops=[*ops[:number], other(), *ops[number + 1 :]])
        case ast.BoolOp(op=op, values=values):
            yield changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            yield from without_one(node, "values", values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield changed(node, op=OPERATORS[type(op)]())
        case ast.Constant(value=value):
            yield from constants(value)
        case ast.Call(args=[first, *_]):
            yield from calls(node, first)
        case ast.Tuple(elts=elements, ctx=ast.Load()) | ast.List(elts=elements, ctx=ast.Load()):
            yield from without_one(node, "elts", elements)
        case ast.Slice(lower=lower, upper=upper):
            yield from (changed(node, lower=None) for _ in (lower,) if lower is not None)
            yield from (changed(node, upper=None) for _ in (upper,) if upper is not None)


def calls(node: ast.Call, first: ast.expr) -> Iterator[ast.AST]:
    """What the call of a function is changed to."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in FUNCTIONS:
        yield changed(node, func=ast.Name(FUNCTIONS[name], ast.Load()))
    if name in PASSED_THROUGH:
        yield first
    else:
        yield changed(node, args=node.args[:-1])


def without_one(node: ast.expr, field: str, values: Sequence[ast.expr]) -> Iterator[ast.AST]:
    """Each time another one is missing."""
    for number in range(len(values)):
        rest = [*values[:number], *values[number + 1 :]]
        yield rest[0] if isinstance(node, ast.BoolOp) and len(rest) == 1 else changed(node, **{field: rest})


def constants(value: object) -> Iterator[ast.expr]:
    """Other values of the same kind."""
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case str():
            yield ast.Constant(f"other {value}")


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new
