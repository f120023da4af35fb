/* Calls a function, and lets callgrind count the instructions in it. */
#include <valgrind/callgrind.h>

void counted(void (*function)(void))
{
    CALLGRIND_TOGGLE_COLLECT;
    function();
    CALLGRIND_TOGGLE_COLLECT;
}
