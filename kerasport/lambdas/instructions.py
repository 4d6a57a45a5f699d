"""What CPython's instructions mean, by names that no version decides: the tables of ``bytecode``."""

from __future__ import annotations

# An instruction's name, ours, and what its argument is: a number (``n``), a name, a variable (``local``, ``cell``),
# a constant, where it jumps (``jump``), or nothing; anything else is the argument itself.
_MEANINGS = """
NOP NOP; RESUME NOP; COPY_FREE_VARS NOP; GEN_START NOP; PRECALL NOP; TO_BOOL NOP; SETUP_ANNOTATIONS NOP;
END_FOR POP; POP_TOP POP; PUSH_NULL NULL; RETURN_GENERATOR NONE;
ROT_TWO SWAP 2; SWAP SWAP n; ROT_THREE ROT 3; ROT_FOUR ROT 4; ROT_N ROT n; DUP_TOP COPY 1; COPY COPY n;
DUP_TOP_TWO DUP 2; DUP_TOPX DUP n;
LOAD_CONST CONST const; RETURN_CONST RETURN_CONST const; RETURN_VALUE RETURN; YIELD_VALUE YIELD;
LOAD_FAST LOCAL local; LOAD_FAST_CHECK LOCAL local; STORE_FAST STORE local; DELETE_FAST DELETE local;
LOAD_FAST_AND_CLEAR TAKE local; MAKE_CELL CELL local;
LOAD_CLOSURE CLOSURE cell; LOAD_DEREF DEREF cell; STORE_DEREF STORE_DEREF cell; LOAD_CLASSDEREF DEREF cell;
LOAD_GLOBAL GLOBAL name; LOAD_NAME GLOBAL name; LOAD_ATTR ATTRIBUTE name; LOAD_METHOD METHOD name;
IMPORT_NAME IMPORT name; IMPORT_FROM IMPORT_FROM name;
UNARY_POSITIVE UNARY +; UNARY_NEGATIVE UNARY -; UNARY_NOT UNARY not; UNARY_INVERT UNARY ~;
BINARY_SUBSCR SUBSCRIPT; BINARY_SLICE SLICE 3; SLICE+0 SLICE 0; SLICE+1 SLICE 1; SLICE+2 SLICE 2; SLICE+3 SLICE 3;
STORE_SUBSCR STORE_SUBSCRIPT; BUILD_SLICE BUILD_SLICE n;
BUILD_TUPLE TUPLE n; BUILD_LIST LIST n; BUILD_SET LIST n; BUILD_STRING STRING n; BUILD_MAP MAP n; STORE_MAP STORE_MAP;
BUILD_CONST_KEY_MAP KEY_MAP n; BUILD_TUPLE_UNPACK JOIN_TUPLE n; BUILD_TUPLE_UNPACK_WITH_CALL JOIN_TUPLE n;
BUILD_LIST_UNPACK JOIN_LIST n; BUILD_MAP_UNPACK JOIN_MAP n; BUILD_MAP_UNPACK_WITH_CALL JOIN_MAP low;
LIST_APPEND APPEND n; SET_ADD APPEND n; LIST_EXTEND EXTEND n; DICT_UPDATE UPDATE n; DICT_MERGE UPDATE n;
LIST_TO_TUPLE TO_TUPLE; UNPACK_SEQUENCE UNPACK n; UNPACK_EX UNPACK_REST n;
IS_OP IS n; CONTAINS_OP CONTAINS n; FORMAT_VALUE FORMAT n; FORMAT_SIMPLE FORMAT 0;
JUMP_FORWARD JUMP jump; JUMP_ABSOLUTE JUMP jump; JUMP_BACKWARD JUMP jump; JUMP_BACKWARD_NO_INTERRUPT JUMP jump;
CONTINUE_LOOP JUMP jump; FOR_ITER FOR jump; GET_ITER ITERATE; SETUP_LOOP LOOP jump; POP_BLOCK END_LOOP;
BREAK_LOOP BREAK;
JUMP_IF_FALSE_OR_POP KEEP_IF_FALSE jump; JUMP_IF_TRUE_OR_POP KEEP_IF_TRUE jump;
CALL_METHOD CALL n; CALL CALL n; CALL_KW CALL_NAMED n; SET_FUNCTION_ATTRIBUTE SET_ATTRIBUTE n
"""
MEANINGS: dict[str, tuple[str, str]] = {
    name: (op, rest[0] if rest else "") for name, op, *rest in (entry.split() for entry in _MEANINGS.split(";"))
} | {
    f"POP_JUMP{way}_IF_{condition}": (f"JUMP_IF_{condition}", "jump")
    for way in ("", "_FORWARD", "_BACKWARD")
    for condition in ("TRUE", "FALSE", "NONE", "NOT_NONE")
}
OPERATORS = {
    "ADD": "+", "AND": "&", "FLOOR_DIVIDE": "//", "LSHIFT": "<<", "MATRIX_MULTIPLY": "@", "MULTIPLY": "*",
    "MODULO": "%", "OR": "|", "POWER": "**", "RSHIFT": ">>", "SUBTRACT": "-", "TRUE_DIVIDE": "/", "XOR": "^",
}  # fmt: skip
# By the argument of BINARY_OP, which is in this order, then again in place.
NUMBERED = tuple(OPERATORS.values())
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not")
for _name, _operator in (*OPERATORS.items(), ("DIVIDE", "div")):  # Python 2's, which drops the rest of whole numbers
    MEANINGS[f"BINARY_{_name}"] = ("BINARY", _operator)
    MEANINGS[f"INPLACE_{_name}"] = ("INPLACE", _operator)
