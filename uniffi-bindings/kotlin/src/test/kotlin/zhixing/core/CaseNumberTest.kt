package zhixing.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

class CaseNumberTest {
    private val vectors =
        Json.parseToJsonElement(File(System.getProperty("zhixing.vectors"), "case-number-vectors.json").readText()).jsonObject

    private fun JsonElement.text(name: String) = jsonObject.getValue(name).jsonPrimitive.content

    @Test
    fun `every valid vector is read into its parts`() {
        val valid = vectors.getValue("valid").jsonArray
        assertEquals(40, valid.size)
        for (vector in valid) {
            val number = readCaseNumber(vector.text("input"))
            val expect = vector.jsonObject.getValue("expect").jsonObject
            val parts = CaseNumberParts(
                text = expect.text("normalised"),
                year = expect.text("year").toUShort(),
                court = expect.text("court"),
                kind = expect.text("type"),
                serial = expect.text("serial").toULong(),
                sub = expect.getValue("sub").jsonPrimitive.intOrNull?.toUByte(),
            )
            assertEquals(parts, number, vector.text("id"))
            assertEquals(number, readCaseNumber(number.text))
        }
    }

    @Test
    fun `every invalid vector is refused as invalid input with a reason`() {
        val invalid = vectors.getValue("invalid").jsonArray
        assertEquals(40, invalid.size)
        for (vector in invalid) {
            val refused = assertFailsWith<CoreException.InvalidInput>(vector.text("input")) { readCaseNumber(vector.text("input")) }
            assertTrue(refused.detail.isNotBlank())
        }
    }

    @Test
    fun `the parts of a number come as the shell shows them`() {
        val number = readCaseNumber(" (２０２０) 川0811 执恢　123 号之十一")
        assertEquals(CaseNumberParts("（2020）川0811执恢123号之十一", 2020u, "川0811", "执恢", 123uL, 11u), number)
    }
}
