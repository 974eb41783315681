#include "engine/lua/lib.h"
void lib_time_open(lua_State *L)
{
	(void)L;
}
