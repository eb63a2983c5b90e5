#include <stdio.h>

int main(void)
{
    puts("canring");
    return 2;
}
